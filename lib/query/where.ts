type Scalar = string | number | bigint | boolean | Date;
/** What a column may be compared with: digits with a text column (numeric), ISO text with a date; never null (`exists` asks for that). */
type Against<V> = V extends null | undefined
  ? never
  : V extends string
    ? V | (string extends V ? number | bigint | Date : never)
    : V extends number | bigint
      ? number | bigint
      : V extends Date
        ? Date | string
        : V extends boolean
          ? boolean
          : never;
interface Compare<X> {
  eq?: X;
  ne?: X;
  in?: readonly X[];
  notIn?: readonly X[];
  gt?: X;
  gte?: X;
  lt?: X;
  lte?: X;
  between?: readonly [X, X];
  notBetween?: readonly [X, X];
  exists?: boolean;
  notExists?: boolean;
}
interface Text {
  like?: string;
  notLike?: string;
  startsWith?: string;
  regex?: string;
}
type Test<V> = Against<V> | (Compare<Against<V>> & (Extract<V, string> extends never ? unknown : Text));

/**
 * A predicate in its object form: `{ age: { gte: 30 }, or: [{ city: 'NY' }, { city: { like: 'L%' } }] }`. All that stands side by side must hold;
 * a value alone means `eq`. Keys are columns or paths (`'meta.a'`); a column called `and`, `or` or `not` is written `'"or"'`.
 */
export type Where<Row> = { readonly [K in keyof Row]?: Test<Row[K]> } & { readonly [path: `${string}.${string}`]: Test<Scalar> } & {
  readonly or?: readonly Where<Row>[];
  readonly and?: readonly Where<Row>[];
  readonly not?: Where<Row>;
};
