namespace Evo.Core.Python

open System
open Evo.Core

/// Reads the statements of a Python configuration. What such configurations never need (functions, classes, loops, exceptions)
/// is refused by its name, at its place.
module internal Parser =

    /// Levels of the tree of one expression or of blocks in blocks.
    let mostLevels = 200

    let private keywords =
        set
            [
                "False"
                "None"
                "True"
                "and"
                "as"
                "assert"
                "async"
                "await"
                "break"
                "class"
                "continue"
                "def"
                "del"
                "elif"
                "else"
                "except"
                "finally"
                "for"
                "from"
                "global"
                "if"
                "import"
                "in"
                "is"
                "lambda"
                "nonlocal"
                "not"
                "or"
                "pass"
                "raise"
                "return"
                "try"
                "while"
                "with"
                "yield"
            ]

    /// What a person reads of a statement that is refused.
    let private refusedStatements =
        dict
            [
                "def", "a function"
                "class", "a class"
                "for", "a loop"
                "while", "a loop"
                "try", "a try"
                "raise", "a raise"
                "assert", "an assert"
                "return", "a return"
                "global", "a global"
                "nonlocal", "a nonlocal"
                "async", "an async statement"
                "await", "an await"
                "yield", "a yield"
                "lambda", "a lambda"
            ]

    let private say (token: Token) =
        match token with
        | Word word -> word
        | Integer value -> string value
        | Real value -> Json.number value
        | Quoted _ -> "a text"
        | Sign sign -> sign
        | NewLine -> "the end of the line"
        | Indent -> "a line further in"
        | Dedent -> "a line further out"
        | EndOfText -> "the end of the text"

    /// Binary operators by how strongly they bind; the strongest, `**`, is read apart.
    let private strength (token: Token) =
        match token with
        | Sign "|" -> 1
        | Sign "^" -> 2
        | Sign "&" -> 3
        | Sign("<<" | ">>") -> 4
        | Sign("+" | "-") -> 5
        | Sign("*" | "/" | "//" | "%") -> 6
        | _ -> 0

    type private Reader(text: string, tokens: TokenAt array, level: int) =
        let mutable at = 0
        let mutable level = level

        member _.Token = tokens[at].Token
        member _.Place = tokens[at].At
        member _.Next = tokens[min (at + 1) (tokens.Length - 1)].Token

        member _.Step() =
            if at < tokens.Length - 1 then
                at <- at + 1

        member reader.Found: string = say reader.Token

        member reader.Is token = reader.Token = token

        /// Passes a token, if it is there.
        member reader.Take token =
            let there = reader.Is token

            if there then
                reader.Step()

            there

        member reader.Expect(token, what: string) =
            if not (reader.Take token) then
                Tokens.refuse reader.Place reader.Found $"{what} should stand here" ""

        /// Runs one level further down.
        member reader.Within(read: unit -> 'a) : 'a =
            if level >= mostLevels then
                Tokens.refuse reader.Place "" $"is more than {mostLevels} levels deep" "take it apart"

            level <- level + 1
            let result = read ()
            level <- level - 1
            result

        member private _.Make(at, node, below: Expression list) : Expression =
            let depth = 1 + (below |> List.fold (fun most e -> max most e.Depth) 0)

            if depth > mostLevels then
                Tokens.refuse at "" $"is more than {mostLevels} levels deep" "take it apart"

            { At = at; Depth = depth; Node = node }

        member reader.Name() =
            match reader.Token with
            | Word word when not (keywords.Contains word) ->
                reader.Step()
                word
            | _ -> Tokens.refuse reader.Place reader.Found "a name should stand here" ""

        // ---- expressions

        /// The parts of one text between quotes.
        member private reader.Text(quoted: QuotedText) : TextPart list =
            let stop = quoted.First + quoted.Length

            if not quoted.Fields then
                [ Letters(Tokens.letters text quoted.First quoted.Length quoted.Raw quoted.At) ]
            else
                let mutable line, lineStart = quoted.At.Line, quoted.First - quoted.At.Column + 1
                let mutable seen = quoted.First

                /// The place of a letter; asked from the first to the last.
                let place offset =
                    while seen < offset do
                        if text[seen] = '\n' then
                            line <- line + 1
                            lineStart <- seen + 1

                        seen <- seen + 1

                    { quoted.At with
                        Line = line
                        Column = offset - lineStart + 1
                    }

                let parts = ResizeArray()

                let lettersUpTo first next =
                    if next > first then
                        let raw = Tokens.letters text first (next - first) quoted.Raw (place first)
                        parts.Add(Letters(raw.Replace("{{", "{").Replace("}}", "}")))

                let mutable first = quoted.First
                let mutable i = first

                while i < stop do
                    match text[i] with
                    | '{'
                    | '}' when i + 1 < stop && text[i + 1] = text[i] -> i <- i + 2
                    | '{' ->
                        lettersUpTo first i
                        let next = reader.Field(quoted, i + 1, stop, place (i + 1), parts)
                        first <- next
                        i <- next
                    | '}' -> Tokens.refuse (place i) "}" "closes no {" "write }} for one }"
                    | _ -> i <- i + 1

                lettersUpTo first stop
                List.ofSeq parts

        /// One `{value!r:spec}` of an f-string; gives the offset after it.
        member private reader.Field(quoted, first, stop, at, parts: ResizeArray<TextPart>) =
            // The value ends at the first !, : or } that stands outside of brackets and quotes.
            let mutable depth = 0
            let mutable quote = '\000'
            let mutable i = first
            let mutable more = true

            while more do
                if i >= stop then
                    Tokens.refuse at "{" "is never closed" "add }, or write {{ for one {"

                match text[i] with
                | c when quote <> '\000' ->
                    if c = quote then
                        quote <- '\000'

                    i <- i + 1
                | '"'
                | '\'' as c ->
                    quote <- c
                    i <- i + 1
                | '('
                | '['
                | '{' ->
                    depth <- depth + 1
                    i <- i + 1
                | ')'
                | ']' ->
                    depth <- depth - 1
                    i <- i + 1
                | '}' when depth > 0 ->
                    depth <- depth - 1
                    i <- i + 1
                | '!' when depth = 0 && i + 1 < stop && text[i + 1] = '=' -> i <- i + 2
                | '}'
                | '!'
                | ':' when depth <= 0 -> more <- false
                | _ -> i <- i + 1

            let inner =
                reader.Within(fun () -> Reader(text, Tokens.cut text first (i - first) at true, level))

            let value = inner.WholeExpression()

            let conversion =
                if text[i] <> '!' then
                    None
                elif i + 1 < stop && (text[i + 1] = 'r' || text[i + 1] = 's') then
                    i <- i + 2
                    Some text[i - 1]
                else
                    Tokens.refuse at "!" "must be followed by r or s" ""

            let spec =
                if i < stop && text[i] = ':' then
                    let from = i + 1
                    let close = text.IndexOf('}', from, stop - from)

                    if close < 0 then
                        Tokens.refuse at "{" "is never closed" "add }"

                    i <- close
                    text.Substring(from, close - from)
                else
                    ""

            if i >= stop || text[i] <> '}' then
                Tokens.refuse at "{" "is never closed" "add }"

            parts.Add(Field(value, conversion, spec))
            i + 1

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
            | Word word when refusedStatements.ContainsKey word ->
                Tokens.refuse at word $"{refusedStatements[word]} is not read in a configuration" ""
            | Word word when keywords.Contains word -> Tokens.refuse at word "a value should stand here" ""
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
                            Tokens.refuse
                                reader.Place
                                "for"
                                "a comprehension is not read"
                                "write its values out"
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

                match strength reader.Token, reader.Token with
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

        // ---- statements

        member private reader.ModuleName() =
            let parts = ResizeArray [ reader.Name() ]

            while reader.Take(Sign ".") do
                parts.Add(reader.Name())

            String.Join(".", parts)

        member private reader.Renamed(name: string) =
            if reader.Take(Word "as") then reader.Name() else name

        member private reader.Imports() : Act list =
            [
                let mutable more = true

                while more do
                    let name = reader.ModuleName()
                    // `import a.b` binds `a`.
                    let bound = reader.Renamed(name.Split('.')[0])
                    Import(name, bound)
                    more <- reader.Take(Sign ",")
            ]

        member private reader.From() : Act =
            let mutable dots = 0
            let mutable more = true

            while more do
                if reader.Take(Sign ".") then dots <- dots + 1
                elif reader.Take(Sign "...") then dots <- dots + 3
                else more <- false

            let name = if reader.Is(Word "import") then "" else reader.ModuleName()
            reader.Expect(Word "import", "import")

            if reader.Take(Sign "*") then
                ImportFrom(dots, name, [])
            else
                let inBrackets = reader.Take(Sign "(")
                let names = ResizeArray()
                let mutable more = true

                while more do
                    let name = reader.Name()
                    names.Add((name, reader.Renamed name))
                    more <- reader.Take(Sign ",") && not (inBrackets && reader.Is(Sign ")"))

                if inBrackets then
                    reader.Expect(Sign ")", "the ) of these names")

                ImportFrom(dots, name, List.ofSeq names)

        member private reader.Assignment() : Act =
            let first = reader.Expressions()

            match reader.Token with
            | Sign "=" ->
                let values = ResizeArray [ first ]

                while reader.Take(Sign "=") do
                    values.Add(reader.Expressions())

                let values = List.ofSeq values
                Assign(List.take (values.Length - 1) values, List.last values)
            | Sign("+=" | "-=" | "*=" | "/=" | "//=" | "%=" | "**=" | "|=" | "&=" | "^=" | "<<=" | ">>=" as sign) ->
                reader.Step()
                Augment(first, sign.Substring(0, sign.Length - 1), reader.Expressions())
            | Sign ":" ->
                // What a note of a type says is not read, only that it is there.
                reader.Step()
                reader.Expression() |> ignore

                if reader.Take(Sign "=") then
                    Assign([ first ], reader.Expressions())
                else
                    Pass
            | _ -> Evaluate first

        member private reader.Block() : Statement list =
            reader.Expect(Sign ":", "a colon")

            if reader.Take NewLine then
                reader.Expect(Indent, "a block further in")
                let statements = ResizeArray()

                reader.Within(fun () ->
                    while not (reader.Take Dedent) do
                        statements.AddRange(reader.Line()))

                List.ofSeq statements
            else
                reader.Simple()

        /// The statements of one line, `;` between them.
        member private reader.Simple() : Statement list =
            let statements = ResizeArray()
            let mutable more = true

            while more do
                let at = reader.Place

                let add act = statements.Add { At = at; Act = act }

                match reader.Token with
                | Word "pass" ->
                    reader.Step()
                    add Pass
                | Word "import" ->
                    reader.Step()
                    List.iter add (reader.Imports())
                | Word "from" ->
                    reader.Step()
                    add (reader.From())
                | Word "del" ->
                    reader.Step()
                    let target = reader.Expressions()

                    add (
                        Delete(
                            match target.Node with
                            | TupleLiteral targets -> targets
                            | _ -> [ target ]
                        )
                    )
                | Sign "@" -> Tokens.refuse at "@" "a function is not read in a configuration" ""
                | _ -> add (reader.Assignment())

                more <- reader.Take(Sign ";") && not (reader.Is NewLine)

            if not (reader.Take NewLine || reader.Is EndOfText) then
                match reader.Token with
                | Word "for" ->
                    Tokens.refuse reader.Place "for" "a comprehension is not read" "write its values out"
                | _ -> Tokens.refuse reader.Place reader.Found "is not expected here" "begin a new line"

            List.ofSeq statements

        member private reader.With(at) : Statement =
            let context = reader.Expression()

            match context.Node with
            | Call({ Node = Name "read_base" }, []) ->
                {
                    At = at
                    Act = ReadBase(reader.Block())
                }
            | _ ->
                Tokens.refuse
                    context.At
                    ""
                    "of with statements only `with read_base():` is read"
                    "leave it out, or write what it sets"

        member private reader.If(at) : Statement =
            let test = reader.Expression()
            let cases = ResizeArray [ test, reader.Block() ]
            let mutable otherwise = []
            let mutable more = true

            while more do
                if reader.Take(Word "elif") then
                    let test = reader.Expression()
                    cases.Add((test, reader.Block()))
                elif reader.Take(Word "else") then
                    otherwise <- reader.Block()
                    more <- false
                else
                    more <- false

            {
                At = at
                Act = Choose(List.ofSeq cases, otherwise)
            }

        /// What a line begins: one statement with its blocks, or several on the line.
        member reader.Line() : Statement list =
            let at = reader.Place

            match reader.Token with
            | Word "with" ->
                reader.Step()
                [ reader.With at ]
            | Word "if" ->
                reader.Step()
                [ reader.If at ]
            | Indent -> Tokens.refuse at "" "this line is further in than the one before it" ""
            | _ -> reader.Simple()

        member reader.All() : Statement list =
            let statements = ResizeArray()

            while not (reader.Is EndOfText) do
                statements.AddRange(reader.Line())

            List.ofSeq statements

    /// The statements of a whole text; `source` is the file's name for messages.
    let read (source: string) (text: string) : Statement list =
        let start =
            {
                Source = source
                Line = 1
                Column = 1
            }

        if text.Length > Tokens.mostLetters then
            Tokens.refuse
                { start with Line = 0 }
                ""
                $"is too large for a configuration: {text.Length} letters, {Tokens.mostLetters} at most"
                ""

        Reader(text, Tokens.cut text 0 text.Length start false, 0).All()
