namespace Evo.Core.Python

open Evo.Core

/// Reads expressions.
type internal ExpressionReader(text: string, tokens: TokenAt array, level: int) =
    inherit Cursor(tokens, level)

    /// Binary operators by how strongly they bind; the strongest, `**`, is read apart.
    static member private Strength(token: Token) =
        match token with
        | Sign "|" -> 1
        | Sign "^" -> 2
        | Sign "&" -> 3
        | Sign("<<" | ">>") -> 4
        | Sign("+" | "-") -> 5
        | Sign("*" | "/" | "//" | "%") -> 6
        | _ -> 0

    /// The parts of one text between quotes.
    member private reader.Text(quoted: QuotedText) : TextPart list =
        if quoted.Fields then
            FormattedText.parts text quoted (fun first length at ->
                reader.Within(fun () ->
                    ExpressionReader(text, Tokens.cut text first length at true, reader.Level)
                        .WholeExpression()))
        else
            [
                Letters(Escapes.letters text quoted.First quoted.Length quoted.Raw quoted.At)
            ]

    /// An expression that is all there is.
    member reader.WholeExpression() : Expression =
        let value = reader.Expressions()

        if not (reader.Is EndOfText) then
            Tokens.refuse reader.Place reader.Found "does not belong to a value" ""

        value

    /// Values with commas between them, up to what closes them.
    member private reader.Values(close: string, what: string) : Expression list =
        let values = ResizeArray()

        while not (reader.Is(Sign close)) do
            values.Add(reader.Expression())

            match reader.Token with
            | Word "for"
            | Word "async" ->
                Tokens.refuse reader.Place "for" "a comprehension is not read" "write its values out"
            | _ -> ()

            if not (reader.Is(Sign close)) then
                reader.Expect(Sign ",", $"a comma or the {close} of this {what}")

        reader.Step()
        List.ofSeq values

    member private reader.Braces(at) : Expression =
        let pairs = ResizeArray()
        let values = ResizeArray()

        while not (reader.Is(Sign "}")) do
            if reader.Take(Sign "**") then
                pairs.Add(Spread(reader.Expression()))
            else
                let first = reader.Expression()

                if values.Count = 0 && (pairs.Count > 0 || reader.Is(Sign ":")) then
                    reader.Expect(Sign ":", "a colon and the value of this key")
                    pairs.Add(Pair(first, reader.Expression()))
                else
                    values.Add first

            match reader.Token with
            | Word "for" ->
                Tokens.refuse reader.Place "for" "a comprehension is not read" "write its values out"
            | _ -> ()

            if not (reader.Is(Sign "}")) then
                reader.Expect(Sign ",", "a comma or the } of this dict")

        reader.Step()

        if values.Count > 0 then
            reader.Make(at, SetLiteral(List.ofSeq values), List.ofSeq values)
        else
            let below =
                [
                    for pair in pairs do
                        match pair with
                        | Pair(key, value) ->
                            key
                            value
                        | Spread value -> value
                ]

            reader.Make(at, DictLiteral(List.ofSeq pairs), below)

    member private reader.Atom() : Expression =
        let at = reader.Place
        let leaf node = reader.Make(at, node, [])

        match reader.Token with
        | Word "None" ->
            reader.Step()
            leaf NoneLiteral
        | Word "True" ->
            reader.Step()
            leaf (BoolLiteral true)
        | Word "False" ->
            reader.Step()
            leaf (BoolLiteral false)
        | Word word when Keywords.refused.ContainsKey word ->
            Tokens.refuse at word $"{Keywords.refused[word]} is not read in a configuration" ""
        | Word word when Keywords.words.Contains word -> Tokens.refuse at word "a value should stand here" ""
        | Word word ->
            reader.Step()
            leaf (Name word)
        | Integer value ->
            reader.Step()
            leaf (IntLiteral value)
        | Real value ->
            reader.Step()
            leaf (FloatLiteral value)
        | Quoted _ ->
            let parts = ResizeArray()
            let mutable more = true

            while more do
                match reader.Token with
                | Quoted quoted ->
                    parts.AddRange(reader.Text quoted)
                    reader.Step()
                | _ -> more <- false

            let below =
                [
                    for part in parts do
                        match part with
                        | Field(value, _, _) -> value
                        | Letters _ -> ()
                ]

            reader.Make(at, TextLiteral(List.ofSeq parts), below)
        | Sign "(" ->
            reader.Step()

            if reader.Take(Sign ")") then
                leaf (TupleLiteral [])
            else
                let first = reader.Expression()

                if reader.Take(Sign ")") then
                    first
                else
                    match reader.Token with
                    | Word "for" ->
                        Tokens.refuse reader.Place "for" "a comprehension is not read" "write its values out"
                    | _ -> ()

                    reader.Expect(Sign ",", "a comma or the ) of this value")
                    let values = first :: reader.Values(")", "tuple")
                    reader.Make(at, TupleLiteral values, values)
        | Sign "[" ->
            reader.Step()
            let values = reader.Values("]", "list")
            reader.Make(at, ListLiteral values, values)
        | Sign "{" ->
            reader.Step()
            reader.Braces at
        | Sign "*" -> Tokens.refuse at "*" "a list is not spread out here" "write its values out"
        | _ -> Tokens.refuse at reader.Found "a value should stand here" ""

    member private reader.Arguments() : Argument list =
        let arguments = ResizeArray()

        while not (reader.Is(Sign ")")) do
            if reader.Take(Sign "**") then
                arguments.Add(SpreadArgument(reader.Expression()))
            else
                match reader.Token, reader.Next with
                | Word _, Sign "=" ->
                    let at = reader.Place
                    let name = reader.Name()
                    reader.Step()
                    arguments.Add(Keyword(name, at, reader.Expression()))
                | _ -> arguments.Add(Positional(reader.Expression()))

            match reader.Token with
            | Word "for" ->
                Tokens.refuse reader.Place "for" "a comprehension is not read" "write its values out"
            | _ -> ()

            if not (reader.Is(Sign ")")) then
                reader.Expect(Sign ",", "a comma or the ) of this call")

        reader.Step()
        List.ofSeq arguments

    member private reader.Primary() : Expression =
        let mutable value = reader.Atom()
        let mutable more = true

        while more do
            match reader.Token with
            | Sign "." ->
                reader.Step()
                let at = reader.Place
                value <- reader.Make(at, Member(value, reader.Name()), [ value ])
            | Sign "[" ->
                let at = reader.Place
                reader.Step()

                let index =
                    if reader.Is(Sign ":") then
                        None
                    else
                        Some(reader.Expressions())

                match index with
                | Some index when reader.Take(Sign "]") ->
                    value <- reader.Make(at, Item(value, index), [ value; index ])
                | _ -> Tokens.refuse reader.Place reader.Found "a slice is not read" "write the value out"
            | Sign "(" ->
                let at = value.At
                reader.Step()
                let arguments = reader.Arguments()

                let below =
                    [
                        for argument in arguments do
                            match argument with
                            | Positional value
                            | Keyword(_, _, value)
                            | SpreadArgument value -> value
                    ]

                value <- reader.Make(at, Call(value, arguments), value :: below)
            | _ -> more <- false

        value

    member private reader.Power() : Expression =
        let left = reader.Primary()
        let at = reader.Place

        if reader.Take(Sign "**") then
            let right = reader.Within(fun () -> reader.Unary())
            reader.Make(at, Binary("**", left, right), [ left; right ])
        else
            left

    member private reader.Unary() : Expression =
        let at = reader.Place

        match reader.Token with
        | Sign("-" | "+" | "~" as sign) ->
            reader.Step()
            let value = reader.Within(fun () -> reader.Unary())
            reader.Make(at, Node.Unary(sign, value), [ value ])
        | _ -> reader.Power()

    /// Operators that bind at least as strongly as `least`.
    member private reader.Operators(least: int) : Expression =
        let mutable left = reader.Unary()
        let mutable more = true

        while more do
            let at = reader.Place

            match ExpressionReader.Strength reader.Token, reader.Token with
            | bind, Sign sign when bind >= least && bind > 0 ->
                reader.Step()
                let right = reader.Operators(bind + 1)
                left <- reader.Make(at, Binary(sign, left, right), [ left; right ])
            | _, Sign "@" -> Tokens.refuse at "@" "there are no matrices in a configuration" ""
            | _ -> more <- false

        left

    member private reader.Comparison() : Expression =
        let first = reader.Operators 1
        let at = reader.Place
        let others = ResizeArray()
        let mutable more = true

        while more do
            let operator =
                match reader.Token, reader.Next with
                | Sign("<" | ">" | "<=" | ">=" | "==" | "!=" as sign), _ -> Some sign
                | Word "in", _ -> Some "in"
                | Word "not", Word "in" ->
                    reader.Step()
                    Some "not in"
                | Word "is", Word "not" ->
                    reader.Step()
                    Some "is not"
                | Word "is", _ -> Some "is"
                | _ -> None

            match operator with
            | Some operator ->
                reader.Step()
                others.Add((operator, reader.Operators 1))
            | None -> more <- false

        if others.Count = 0 then
            first
        else
            let others = List.ofSeq others
            reader.Make(at, Node.Comparison(first, others), first :: List.map snd others)

    member private reader.Not() : Expression =
        let at = reader.Place

        if reader.Take(Word "not") then
            let value = reader.Within(fun () -> reader.Not())
            reader.Make(at, Node.Unary("not", value), [ value ])
        else
            reader.Comparison()

    member private reader.Joined(word, each: unit -> Expression, join) : Expression =
        let mutable left = each ()

        while reader.Is(Word word) do
            let at = reader.Place
            reader.Step()
            let right = each ()
            left <- reader.Make(at, join (left, right), [ left; right ])

        left

    member private reader.Or() : Expression =
        reader.Joined("or", (fun () -> reader.Joined("and", reader.Not, And)), Or)

    member reader.Expression() : Expression =
        reader.Within(fun () ->
            let value = reader.Or()
            let at = reader.Place

            if reader.Take(Word "if") then
                let test = reader.Or()
                reader.Expect(Word "else", "else")
                let no = reader.Expression()
                reader.Make(at, Conditional(test, value, no), [ test; value; no ])
            elif reader.Is(Sign ":=") then
                Tokens.refuse at ":=" "is not read in a configuration" "write an assignment of its own"
            else
                value)

    /// A value, or values with commas between them: a tuple.
    member reader.Expressions() : Expression =
        let at = reader.Place
        let first = reader.Expression()

        if not (reader.Is(Sign ",")) then
            first
        else
            let values = ResizeArray [ first ]

            while reader.Take(Sign ",") do
                match reader.Token with
                | NewLine
                | EndOfText
                | Sign("=" | ")" | "]" | "}" | ";" | ":") -> ()
                | _ -> values.Add(reader.Expression())

            reader.Make(at, TupleLiteral(List.ofSeq values), List.ofSeq values)
