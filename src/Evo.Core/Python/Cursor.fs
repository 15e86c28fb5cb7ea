namespace Evo.Core.Python

open Evo.Core

module internal Keywords =

    /// Words that cannot be names.
    let words =
        set (
            ("False None True and as assert async await break class continue def del elif else except finally for from "
             + "global if import in is lambda nonlocal not or pass raise return try while with yield")
                .Split
                ' '
        )

    /// What a person reads of a statement that is refused.
    let refused =
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

/// Goes along the tokens of a text, from the first to the last, and counts how deep it is.
type internal Cursor(tokens: TokenAt array, level: int) =
    let mutable at = 0
    let mutable level = level

    /// Levels of the tree of one expression or of blocks in blocks.
    static member MostLevels = 200

    static member private Say(token: Token) =
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

    member _.Level = level
    member _.Token = tokens[at].Token
    member _.Place = tokens[at].At
    member _.Next = tokens[min (at + 1) (tokens.Length - 1)].Token

    member _.Step() =
        if at < tokens.Length - 1 then
            at <- at + 1

    member reader.Found: string = Cursor.Say reader.Token

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
        if level >= Cursor.MostLevels then
            Tokens.refuse reader.Place "" $"is more than {Cursor.MostLevels} levels deep" "take it apart"

        level <- level + 1
        let result = read ()
        level <- level - 1
        result

    member _.Make(at, node, below: Expression list) : Expression =
        let depth = 1 + (below |> List.fold (fun most e -> max most e.Depth) 0)

        if depth > Cursor.MostLevels then
            Tokens.refuse at "" $"is more than {Cursor.MostLevels} levels deep" "take it apart"

        { At = at; Depth = depth; Node = node }

    member reader.Name() =
        match reader.Token with
        | Word word when not (Keywords.words.Contains word) ->
            reader.Step()
            word
        | _ -> Tokens.refuse reader.Place reader.Found "a name should stand here" ""

    // ---- expressions
