namespace Evo.Core

/// A line of the table that cannot be read; caught for each line, so that all problems are reported at once.
exception internal TableLineRefused of Problem

/// A name, a number or a sign, and its column from 1.
[<Struct>]
type internal TableWord = { Text: string; Column: int }

/// One line of the table as words, read from left to right.
[<Sealed>]
type internal TableLine(number: int, text: string) =
    let isLetter c =
        c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c = '_'

    let isDigit c = c >= '0' && c <= '9'

    let rec words at =
        let word length =
            {
                Text = text.Substring(at, length)
                Column = at + 1
            }
            :: words (at + length)

        let starts (sign: string) =
            System.String.CompareOrdinal(text, at, sign, 0, sign.Length) = 0

        let run allowed =
            let mutable stop = at

            while stop < text.Length && allowed text[stop] do
                stop <- stop + 1

            word (stop - at)

        if at = text.Length || text[at] = '#' then
            []
        elif text[at] = ' ' || text[at] = '\t' || text[at] = '\r' then
            words (at + 1)
        elif isLetter text[at] then
            run (fun c -> isLetter c || isDigit c)
        elif isDigit text[at] then
            run isDigit
        elif starts "..." then
            word 3
        elif starts "->" || starts "!=" || starts "<=" || starts ">=" then
            word 2
        else
            word 1

    let words = List.toArray (words 0)
    let mutable next = 0

    /// Number of the line, from 1.
    member _.Number = number
    /// Whether nothing but a comment stands there.
    member _.IsEmpty = words.Length = 0
    /// The first word; empty where there is none.
    member _.First = if words.Length > 0 then words[0].Text else ""
    /// The next word; empty at the end.
    member _.Peek = if next < words.Length then words[next].Text else ""

    /// The word after the next; empty at the end.
    member _.After = if next + 1 < words.Length then words[next + 1].Text else ""

    /// Whether the next word is a name.
    member line.IsName = line.Peek <> "" && isLetter line.Peek[0]

    /// Stops reading this line: what stands next is not what the rule asks for.
    member line.Refuse(rule: string) : 'a =
        let column =
            if next < words.Length then
                words[next].Column
            else
                text.TrimEnd().Length + 1

        raise (TableLineRefused(TableLine.Problem(number, column, line.Peek, rule)))

    /// A problem of the table's text.
    static member Problem(number: int, column: int, found: string, rule: string) : Problem =
        {
            Place =
                {
                    Source = "algebra.txt"
                    Line = number
                    Column = column
                }
            Path = ""
            Found = found
            Rule = rule
            Hint = ""
        }

    /// Whether the next word is this one, which is then read.
    member line.Take(word: string) =
        let found = line.Peek = word

        if found then
            next <- next + 1

        found

    /// Reads this word.
    member line.Expect(word: string) =
        if not (line.Take word) then
            line.Refuse $"'{word}' is expected"

    /// Reads a name.
    member line.Name(what: string) : string =
        let word = line.Peek

        if line.IsName then
            next <- next + 1
            word
        else
            line.Refuse $"{what} is expected"

    /// Whether the next word is a number that can be read.
    member line.IsNumber = line.Peek <> "" && isDigit line.Peek[0] && line.Peek.Length <= 4

    /// Reads a number of at most four digits.
    member line.Int() : int =
        if line.IsNumber then
            let word = line.Peek
            next <- next + 1
            System.Int32.Parse(word, System.Globalization.CultureInfo.InvariantCulture)
        else
            line.Refuse "a number is expected"

    /// Items with commas between them.
    member line.List(item: unit -> 'a) : 'a list =
        let first = item ()
        if line.Take "," then first :: line.List item else [ first ]

    /// Nothing may be left.
    member line.End() =
        if line.Peek <> "" then
            line.Refuse "nothing more is expected on this line"
