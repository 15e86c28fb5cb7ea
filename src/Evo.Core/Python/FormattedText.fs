namespace Evo.Core.Python

open Evo.Core

/// Takes an f-string apart into letters and fields.
module internal FormattedText =

    /// The offset of the first `!`, `:` or `}` that stands outside of brackets and quotes: the end of a field's value.
    let private valueEnd (text: string) first stop at =
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

        i

    /// One `{value!r:spec}`, and the offset after it; `value` reads the value from an offset, of a length, at a place.
    let private field (text: string) first stop at (value: int -> int -> Place -> Expression) =
        let mutable i = valueEnd text first stop at
        let value = value first (i - first) at

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

        Field(value, conversion, spec), i + 1

    /// The parts of an f-string; `value` reads the value of a field from an offset, of a length, at a place.
    let parts (text: string) (quoted: QuotedText) (value: int -> int -> Place -> Expression) : TextPart list =
        let stop = quoted.First + quoted.Length
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
                let letters = Escapes.letters text first (next - first) quoted.Raw (place first)
                parts.Add(Letters(letters.Replace("{{", "{").Replace("}}", "}")))

        let mutable first = quoted.First
        let mutable i = first

        while i < stop do
            match text[i] with
            | '{'
            | '}' when i + 1 < stop && text[i + 1] = text[i] -> i <- i + 2
            | '{' ->
                lettersUpTo first i
                let part, next = field text (i + 1) stop (place (i + 1)) value
                parts.Add part
                first <- next
                i <- next
            | '}' -> Tokens.refuse (place i) "}" "closes no {" "write }} for one }"
            | _ -> i <- i + 1

        lettersUpTo first stop
        List.ofSeq parts
