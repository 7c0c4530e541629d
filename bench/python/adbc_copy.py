"""ADBC (the Arrow driver of PostgreSQL) as its documentation uses it: SOURCE and TARGET are addresses, MODE is `copy` or `columns`.

It reads types that it does not know as raw bytes or text, and its ingestion cannot write those into a table with the right types, so it
makes a table of its own, `adbc_items`. Prints the rows that stand in it and the seconds from the first connection to the commit.
"""
import json
import os
import sys
import time

import adbc_driver_postgresql.dbapi as postgresql
import pyarrow
import pyarrow.compute as compute


def changed(batch):
    """Half of the rows; eight columns of ten, one under another name; one of another type; two made anew from two."""
    odd = compute.bit_wise_and(batch["customer"], pyarrow.scalar(1, pyarrow.int32()))
    batch = batch.filter(compute.equal(odd, pyarrow.scalar(0, pyarrow.int32())))
    return pyarrow.RecordBatch.from_arrays(
        [
            batch["id"],
            compute.cast(batch["customer"], pyarrow.string()),
            batch["name"],
            compute.utf8_upper(batch["email"]),
            batch["amount"],
            compute.divide(batch["score"], 2.0),
            batch["created"],
            batch["born"],
        ],
        names=["id", "client", "name", "email", "amount", "score", "created", "born"],
    )


def main():
    mode = sys.argv[1]
    start = time.perf_counter()
    with postgresql.connect(os.environ["SOURCE"]) as source, postgresql.connect(os.environ["TARGET"]) as target:
        with source.cursor() as read, target.cursor() as write:
            read.execute("SELECT * FROM items")
            reader = read.fetch_record_batch()
            if mode == "columns":
                first = reader.read_next_batch()
                made = changed(first)
                batches = (part for source_part in ([first], reader) for part in map(changed, source_part))
                reader = pyarrow.RecordBatchReader.from_batches(made.schema, batches)
            write.adbc_ingest("adbc_items", reader, mode="replace")
        target.commit()
        seconds = time.perf_counter() - start
        with target.cursor() as count:
            count.execute("SELECT count(*) FROM adbc_items")
            print(json.dumps({"rows": count.fetchone()[0], "seconds": seconds}))


main()
