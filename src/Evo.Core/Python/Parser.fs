namespace Evo.Core.Python

open System
open Evo.Core

/// Reads statements. What configurations never need (functions, classes, loops, exceptions) is refused by its name, at its
/// place.
[<Sealed>]
type internal StatementReader(text: string, tokens: TokenAt array) =
    inherit ExpressionReader(text, tokens, 0)


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

/// Reads a whole text.
module internal Parser =

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

        StatementReader(text, Tokens.cut text 0 text.Length start false).All()
