namespace Evo.Core.Python

open System
open System.Globalization
open System.Text
open Evo.Core

/// The letters that a text between quotes means.
module internal Escapes =

    let private hex (at: Place) (text: string) (from: int) (count: int) (stop: int) =
        let digits =
            if from + count <= stop then
                text.Substring(from, count)
            else
                ""

        match Int32.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) with
        | true, code when code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) -> Char.ConvertFromUtf32 code
        | _ -> Tokens.refuse at "\\" $"must be followed by {count} hexadecimal digits of a character" ""

    /// The letters that a part of a text means, its escapes undone.
    let letters (text: string) (first: int) (length: int) (raw: bool) (at: Place) : string =
        let part = text.Substring(first, length).Replace("\r\n", "\n")

        if raw || not (part.Contains '\\') then
            part
        else
            let result = StringBuilder()
            let stop = part.Length
            let mutable i = 0

            while i < stop do
                if part[i] <> '\\' || i + 1 >= stop then
                    result.Append part[i] |> ignore
                    i <- i + 1
                else
                    let escaped = part[i + 1]
                    i <- i + 2

                    match escaped with
                    | '\n' -> ()
                    | 'n' -> result.Append '\n' |> ignore
                    | 't' -> result.Append '\t' |> ignore
                    | 'r' -> result.Append '\r' |> ignore
                    | 'a' -> result.Append '\a' |> ignore
                    | 'b' -> result.Append '\b' |> ignore
                    | 'f' -> result.Append '\012' |> ignore
                    | 'v' -> result.Append '\011' |> ignore
                    | '\\'
                    | '\''
                    | '"' -> result.Append escaped |> ignore
                    | 'x' ->
                        result.Append(hex at part i 2 stop) |> ignore
                        i <- i + 2
                    | 'u' ->
                        result.Append(hex at part i 4 stop) |> ignore
                        i <- i + 4
                    | 'U' ->
                        result.Append(hex at part i 8 stop) |> ignore
                        i <- i + 8
                    | 'N' ->
                        Tokens.refuse at "\\N" "names of characters are not read" "write the character itself"
                    | digit when digit >= '0' && digit <= '7' ->
                        let mutable code = 0
                        i <- i - 1
                        let limit = min stop (i + 3)

                        while i < limit && part[i] >= '0' && part[i] <= '7' do
                            code <- code * 8 + int part[i] - int '0'
                            i <- i + 1

                        result.Append(char code) |> ignore
                    // Python keeps the backslash of what is no escape.
                    | other -> result.Append('\\').Append(other) |> ignore

            result.ToString()
