namespace Evo.Core.Python

open System
open Evo.Core
open System.Globalization
open System.Numerics
open System.Text

/// What a Python text consists of.
type internal Token =
    | Word of string
    | Integer of BigInteger
    | Real of float
    /// A text as it is written between its quotes: where its first letter stands in the source, and how it is meant.
    | Quoted of QuotedText
    | Sign of string
    | NewLine
    | Indent
    | Dedent
    | EndOfText

and internal QuotedText =
    {
        /// Offset of the first letter between the quotes.
        First: int
        /// Letters between the quotes.
        Length: int
        Raw: bool
        /// True for an f-string.
        Fields: bool
        /// Where the first letter stands.
        At: Place
    }

/// A token with the place where it begins.
[<Struct>]
type internal TokenAt = { Token: Token; At: Place }

/// Refuses a Python text at a place. `PythonConfig.read` gives it as a result.
exception internal Refused of Problem

/// Cuts a Python text into tokens: names, numbers, texts, signs, and the structure of lines and indentation.
module internal Tokens =

    /// Letters of the largest configuration that is read; InternEvo's have ten thousand.
    let mostLetters = 1 <<< 20

    /// Refuses what stands at a place.
    let refuse (at: Place) (found: string) (rule: string) (hint: string) : 'a =
        let found =
            if found.Length > 60 then
                found.Substring(0, 60) + "…"
            else
                found

        raise (
            Refused
                {
                    Place = at
                    Path = ""
                    Found = found
                    Rule = rule
                    Hint = hint
                }
        )

    // Longer signs first: the first that fits is taken.
    let private signs =
        [
            "**="
            "//="
            ">>="
            "<<="
            "..."
            "**"
            "//"
            ">>"
            "<<"
            "<="
            ">="
            "=="
            "!="
            "->"
            ":="
            "+="
            "-="
            "*="
            "/="
            "%="
            "&="
            "|="
            "^="
            "@="
            "+"
            "-"
            "*"
            "/"
            "%"
            "@"
            "&"
            "|"
            "^"
            "~"
            "<"
            ">"
            "("
            ")"
            "["
            "]"
            "{"
            "}"
            ","
            ":"
            "."
            ";"
            "="
            "!"
        ]

    let private isStart c = Char.IsLetter c || c = '_'
    let private isPart c = Char.IsLetterOrDigit c || c = '_'

    let private number (at: Place) (word: string) : Token =
        let digits = word.Replace("_", "")

        let wrong () =
            refuse at word "is no number that can be read here" "write it in decimal digits"

        let ofBase (radix: int) (digits: string) =
            let value =
                (Some BigInteger.Zero, digits)
                ||> Seq.fold (fun sum digit ->
                    let place = "0123456789abcdef".IndexOf(Char.ToLowerInvariant digit)

                    match sum with
                    | Some sum when place >= 0 && place < radix ->
                        Some(sum * BigInteger radix + BigInteger place)
                    | _ -> None)

            match value with
            | Some value when digits <> "" -> Integer value
            | _ -> wrong ()

        if digits.Length > 400 then
            wrong ()
        elif digits.StartsWith "0x" || digits.StartsWith "0X" then
            ofBase 16 (digits.Substring 2)
        elif digits.StartsWith "0o" || digits.StartsWith "0O" then
            ofBase 8 (digits.Substring 2)
        elif digits.StartsWith "0b" || digits.StartsWith "0B" then
            ofBase 2 (digits.Substring 2)
        elif
            digits |> Seq.forall Char.IsAsciiDigit
            // 007 is refused by Python too, for it once meant another base.
            && (digits[0] <> '0' || digits |> Seq.forall ((=) '0'))
        then
            ofBase 10 digits
        else
            match Double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value when Double.IsFinite value && digits.IndexOfAny [| '.'; 'e'; 'E' |] >= 0 ->
                Real value
            | _ -> wrong ()

    /// The tokens of a part of a text that begins at a place. `inside` is true for the field of an f-string, where lines mean
    /// nothing.
    let cut (text: string) (first: int) (length: int) (start: Place) (inside: bool) : TokenAt array =
        let stop = first + length
        let tokens = ResizeArray<TokenAt>()
        let mutable at = first
        let mutable line = start.Line
        let mutable lineStart = first - (start.Column - 1)
        // Open brackets with their places, and the columns of the blocks that are open.
        let brackets = System.Collections.Generic.Stack<struct (char * Place)>()
        let blocks = System.Collections.Generic.Stack<int>([ 0 ])

        let peek ahead =
            if at + ahead < stop then text[at + ahead] else '\000'

        let place () =
            { start with
                Line = line
                Column = at - lineStart + 1
            }

        let step () =
            if text[at] = '\n' then
                line <- line + 1
                lineStart <- at + 1

            at <- at + 1

        let add place token =
            tokens.Add { Token = token; At = place }

        let toLineEnd () =
            while at < stop && text[at] <> '\n' do
                at <- at + 1

        /// The blank letters at the start of a line; opens and closes blocks where the line says something.
        let indentation () =
            let mutable column = 0

            while at < stop && (peek 0 = ' ' || peek 0 = '\t' || peek 0 = '\012') do
                column <-
                    match peek 0 with
                    | '\t' -> column + 8 - column % 8
                    | ' ' -> column + 1
                    | _ -> 0

                at <- at + 1

            let blank = at >= stop || peek 0 = '\n' || peek 0 = '\r' || peek 0 = '#'

            if not blank then
                if column > blocks.Peek() then
                    blocks.Push column
                    add (place ()) Indent
                else
                    while column < blocks.Peek() do
                        blocks.Pop() |> ignore
                        add (place ()) Dedent

                    if column <> blocks.Peek() then
                        refuse (place ()) "" "this line is indented like none of the blocks around it" ""

        let quoted (begins: Place) (prefix: string) =
            let prefix = prefix.ToLowerInvariant()

            if prefix.Contains 'b' then
                refuse begins prefix "bytes are not read in a configuration" "write a text"

            let quote = peek 0
            let triple = peek 1 = quote && peek 2 = quote
            let width = if triple then 3 else 1

            for _ in 1..width do
                step ()

            let inner = at
            let innerPlace = place ()
            let mutable more = true

            while more do
                if at >= stop || (not triple && peek 0 = '\n') then
                    refuse begins "" "this text is never closed" $"add {String(quote, width)}"
                elif peek 0 = '\\' && at + 1 < stop then
                    step ()
                    step ()
                elif peek 0 = quote && (not triple || peek 1 = quote && peek 2 = quote) then
                    more <- false
                else
                    step ()

            add
                begins
                (Quoted
                    {
                        First = inner
                        Length = at - inner
                        Raw = prefix.Contains 'r'
                        Fields = prefix.Contains 'f'
                        At = innerPlace
                    })

            at <- at + width

        let wordOrText () =
            let begins = place ()
            let from = at

            while at < stop && isPart (peek 0) do
                at <- at + 1

            let word = text.Substring(from, at - from)

            let isPrefix =
                word.Length <= 2 && word |> Seq.forall (fun c -> "rRbBuUfF".Contains c)

            if (peek 0 = '"' || peek 0 = '\'') && isPrefix then
                quoted begins word
            else
                add begins (Word word)

        let digits () =
            let begins = place ()
            let from = at

            let signOfExponent () =
                (peek 0 = '+' || peek 0 = '-')
                && (text[at - 1] = 'e' || text[at - 1] = 'E')
                && not (text.Substring(from, min 2 (at - from)).Contains 'x')

            while at < stop && (isPart (peek 0) || peek 0 = '.' || signOfExponent ()) do
                at <- at + 1

            add begins (number begins (text.Substring(from, at - from)))

        let sign () =
            let begins = place ()

            match
                signs
                |> List.tryFind (fun sign -> String.CompareOrdinal(text, at, sign, 0, sign.Length) = 0)
            with
            | Some sign when at + sign.Length <= stop ->
                match sign with
                | "("
                | "["
                | "{" -> brackets.Push(struct (sign[0], begins))
                | ")"
                | "]"
                | "}" ->
                    let opens = "([{"[")]}".IndexOf sign[0]]

                    match brackets.TryPop() with
                    | true, struct (open', _) when open' = opens -> ()
                    | _ -> refuse begins sign $"closes no {opens}" ""
                | _ -> ()

                at <- at + sign.Length
                add begins (Sign sign)
            | _ -> refuse begins (text.Substring(at, 1)) "is no letter of Python" ""

        let endOfLine () =
            // Lines that say nothing leave no token.
            if brackets.Count = 0 && not inside then
                match tokens.Count with
                | 0 -> ()
                | n ->
                    match tokens[n - 1].Token with
                    | NewLine
                    | Indent
                    | Dedent -> ()
                    | _ -> add (place ()) NewLine

        if not inside then
            if at < stop && peek 0 = '\uFEFF' then
                at <- at + 1
                lineStart <- at

            indentation ()

        while at < stop do
            match peek 0 with
            | '\n' ->
                endOfLine ()
                step ()

                if brackets.Count = 0 && not inside then
                    indentation ()
            | ' '
            | '\t'
            | '\r'
            | '\012' -> at <- at + 1
            | '#' -> toLineEnd ()
            | '\\' when peek 1 = '\n' || (peek 1 = '\r' && peek 2 = '\n') ->
                at <- at + 1

                while peek 0 <> '\n' do
                    at <- at + 1

                step ()
            | '"'
            | '\'' -> quoted (place ()) ""
            | c when Char.IsAsciiDigit c || c = '.' && Char.IsAsciiDigit(peek 1) -> digits ()
            | c when isStart c -> wordOrText ()
            | _ -> sign ()

        if brackets.Count > 0 then
            let struct (sign, at) = brackets.Peek()
            refuse at (string sign) "is never closed" ""

        endOfLine ()

        while blocks.Peek() > 0 do
            blocks.Pop() |> ignore
            add (place ()) Dedent

        add (place ()) EndOfText
        tokens.ToArray()
