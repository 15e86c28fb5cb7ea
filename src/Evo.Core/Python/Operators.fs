namespace Evo.Core.Python

open System
open System.Numerics
open Evo.Core

/// What operators of Python give: exact whole numbers, floor division, texts and lists that are joined and repeated.
module internal Operators =

    let private whole (at: Place) (number: BigInteger) : Value =
        if int64 (number.GetBitLength()) > Values.mostBits then
            Tokens.refuse at "" "is larger than any number of a configuration" ""

        Whole number

    let private real (at: Place) (number: float) : Value =
        if not (Double.IsFinite number) then
            Tokens.refuse at "" "is too large for a number" ""

        Real number

    let private floorDivide (a: BigInteger) (b: BigInteger) =
        let mutable rest = BigInteger.Zero
        let quotient = BigInteger.DivRem(a, b, &rest)

        if not rest.IsZero && (rest.Sign < 0) <> (b.Sign < 0) then
            quotient - BigInteger.One
        else
            quotient

    let private shift at (sign: string) (a: BigInteger) (b: BigInteger) =
        if b.Sign < 0 || b > BigInteger Values.mostBits then
            Tokens.refuse at sign "shifts too far" ""

        whole at (if sign = "<<" then a <<< int b else a >>> int b)

    let private power at (a: BigInteger) (b: BigInteger) =
        if b.Sign < 0 then
            if a.IsZero then
                Tokens.refuse at "**" "divides by zero" ""

            real at (Math.Pow(float a, float b))
        elif a.IsZero || a.IsOne then
            Whole(if b.IsZero then BigInteger.One else a)
        else
            let bits = int64 ((BigInteger.Abs a).GetBitLength())

            if b > BigInteger Values.mostBits || (bits - 1L) * int64 b > Values.mostBits then
                Tokens.refuse at "**" "is larger than any number of a configuration" ""

            whole at (BigInteger.Pow(a, int b))

    let private wholes at sign (a: BigInteger) (b: BigInteger) : Value =
        let divisor () =
            if b.IsZero then
                Tokens.refuse at sign "divides by zero" ""

            b

        match sign with
        | "+" -> whole at (a + b)
        | "-" -> whole at (a - b)
        | "*" -> whole at (a * b)
        | "/" -> real at (float a / float (divisor ()))
        | "//" -> whole at (floorDivide a (divisor ()))
        | "%" -> whole at (a - floorDivide a (divisor ()) * b)
        | "**" -> power at a b
        | "|" -> whole at (a ||| b)
        | "&" -> whole at (a &&& b)
        | "^" -> whole at (a ^^^ b)
        | _ -> shift at sign a b

    let private floats at sign (a: float) (b: float) : Value =
        let divisor () =
            if b = 0.0 then
                Tokens.refuse at sign "divides by zero" ""

            b

        match sign with
        | "+" -> real at (a + b)
        | "-" -> real at (a - b)
        | "*" -> real at (a * b)
        | "/" -> real at (a / divisor ())
        | "//" -> real at (Math.Floor(a / divisor ()))
        | "%" -> real at (a - Math.Floor(a / divisor ()) * b)
        | "**" -> real at (Math.Pow(a, b))
        | _ -> Tokens.refuse at sign "is for whole numbers" ""

    let private bounded at (count: int64) most what =
        if count > int64 (most: int) then
            Tokens.refuse at "" $"makes a {what} longer than any of a configuration: {count}" ""

    /// `left sign right`.
    let binary (budget: Budget) (at: Place) (sign: string) (left: Value) (right: Value) : Value =
        let times (count: BigInteger) (length: int) most what =
            let count = BigInteger.Max(count, BigInteger.Zero)

            if count * BigInteger length > BigInteger(most: int) then
                bounded at Int64.MaxValue most what

            budget.Spend(int64 (count * BigInteger length), at)
            if length = 0 then 0 else int count

        let joined (a: Entry seq) (b: Entry seq) =
            let count = Seq.length a + Seq.length b
            bounded at count Values.mostItems "list"
            budget.Spend(int64 count, at)
            Seq.append a b

        match sign, left, right with
        | "%", Text pattern, values ->
            let text = Format.percent at pattern values
            bounded at text.Length Values.mostLetters "text"
            budget.Spend(int64 text.Length, at)
            Text text
        | "+", Text a, Text b ->
            bounded at (int64 a.Length + int64 b.Length) Values.mostLetters "text"
            budget.Spend(int64 a.Length + int64 b.Length, at)
            Text(a + b)
        | "+", Items a, Items b -> Items(ResizeArray(joined a b))
        | "+", FixedItems a, FixedItems b -> FixedItems(List.ofSeq (joined a b))
        | "*", Text text, Values.Number(Whole count)
        | "*", Values.Number(Whole count), Text text ->
            Text(String.replicate (times count text.Length Values.mostLetters "text") text)
        | "*", Items items, Values.Number(Whole count)
        | "*", Values.Number(Whole count), Items items ->
            let count = times count items.Count Values.mostItems "list"
            Items(ResizeArray(Seq.collect (fun _ -> items) (seq { 1..count })))
        | "*", FixedItems items, Values.Number(Whole count)
        | "*", Values.Number(Whole count), FixedItems items ->
            let count = times count items.Length Values.mostItems "tuple"
            FixedItems(List.collect (fun _ -> items) [ 1..count ])
        | "|", Dict a, Dict b ->
            budget.Spend(int64 (a.Count + b.Count), at)
            let both = System.Collections.Generic.OrderedDictionary a

            for pair in b do
                both[pair.Key] <- pair.Value

            Dict both
        | _, Values.Number(Whole a), Values.Number(Whole b) -> wholes at sign a b
        | _, Values.Number a, Values.Number b -> floats at sign (Values.toFloat a) (Values.toFloat b)
        | _ -> Tokens.refuse at sign $"does not go between {Values.kind left} and {Values.kind right}" ""

    let unary (at: Place) (sign: string) (value: Value) : Value =
        match sign, value with
        | "not", value -> Truth(not (Values.truth value))
        | "-", Values.Number(Whole number) -> Whole(-number)
        | "+", Values.Number(Whole number) -> Whole number
        | "~", Values.Number(Whole number) -> Whole(-number - BigInteger.One)
        | "-", Real number -> Real(-number)
        | "+", Real number -> Real number
        | _ -> Tokens.refuse at sign $"does not go before {Values.kind value}" ""

    let private contains (budget: Budget) at (item: Value) (whole: Value) =
        let among (items: Entry seq) =
            items |> Seq.exists (fun entry -> Values.equal budget at item entry.Value)

        match item, whole with
        | Text part, Text text ->
            budget.Spend(int64 text.Length, at)
            text.Contains(part, StringComparison.Ordinal)
        | Text key, Dict entries -> entries.ContainsKey key
        | _, Items items -> among items
        | _, FixedItems items
        | _, Collection items -> among items
        | _ -> Tokens.refuse at "in" $"does not go between {Values.kind item} and {Values.kind whole}" ""

    let private order at sign (left: Value) (right: Value) =
        match left, right with
        | Values.Number(Whole a), Values.Number(Whole b) -> compare a b
        | Values.Number a, Values.Number b -> compare (Values.toFloat a) (Values.toFloat b)
        | Text a, Text b -> String.CompareOrdinal(a, b)
        | _ -> Tokens.refuse at sign $"does not go between {Values.kind left} and {Values.kind right}" ""

    /// `left sign right`, of a comparison.
    let compares (budget: Budget) (at: Place) (sign: string) (left: Value) (right: Value) : bool =
        let isSame () =
            match left, right with
            | Nothing, Nothing -> true
            | Truth a, Truth b -> a = b
            | (Nothing | Truth _ | Dict _ | Items _), (Nothing | Truth _ | Dict _ | Items _) ->
                Object.ReferenceEquals(left, right)
            | (Nothing | Truth _), _
            | _, (Nothing | Truth _) -> false
            | _ -> Tokens.refuse at sign "asks whether two values are one and the same" "use =="

        match sign with
        | "==" -> Values.equal budget at left right
        | "!=" -> not (Values.equal budget at left right)
        | "<" -> order at sign left right < 0
        | "<=" -> order at sign left right <= 0
        | ">" -> order at sign left right > 0
        | ">=" -> order at sign left right >= 0
        | "in" -> contains budget at left right
        | "not in" -> not (contains budget at left right)
        | "is" -> isSame ()
        | _ -> not (isSame ())
