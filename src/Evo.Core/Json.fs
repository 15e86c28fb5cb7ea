namespace Evo.Core

open System
open System.Globalization
open System.Text

/// A JSON value that remembers where it was written.
type Json = { At: Place; Value: JsonValue }

/// What a JSON text can hold. Numbers keep the digits that were written.
and JsonValue =
    | JNull
    | JBool of bool
    | JNumber of string
    | JString of string
    | JArray of Json list
    | JObject of JsonMember list

/// One `"name": value` of an object, with the place of its name.
and JsonMember =
    {
        Name: string
        NameAt: Place
        Content: Json
    }

/// Reads JSON as people write it: with `//` and `/* */` comments and trailing commas; and writes it back.
module Json =

    exception private Refused of Problem

    type private Reader(source: string, text: string) =
        let mutable at = 0
        let mutable line = 1
        let mutable lineStart = 0
        let mutable level = 0

        member _.Place =
            {
                Source = source
                Line = line
                Column = at - lineStart + 1
            }

        member reader.Refuse(place, found, rule, hint) : 'a =
            raise (
                Refused
                    {
                        Place = place
                        Path = ""
                        Found = found
                        Rule = rule
                        Hint = hint
                    }
            )

        /// Reads what stands one level further in; more than 200 would be for the stack to bear.
        member reader.Within(place, read: unit -> 'a) : 'a =
            if level = 200 then
                reader.Refuse(place, "", "is more than 200 levels deep", "")

            level <- level + 1
            let result = read ()
            level <- level - 1
            result

        member _.End = at >= text.Length
        member _.Peek = if at < text.Length then text[at] else '\000'
        member _.PeekNext = if at + 1 < text.Length then text[at + 1] else '\000'

        member _.Step() =
            if at < text.Length then
                if text[at] = '\n' then
                    line <- line + 1
                    lineStart <- at + 1

                at <- at + 1

        /// Passes white space and comments.
        member reader.Skip() =
            let mutable more = true

            while more do
                match reader.Peek with
                | ' '
                | '\t'
                | '\r'
                | '\n'
                | '\uFEFF' -> reader.Step()
                | '/' when reader.PeekNext = '/' ->
                    while not reader.End && reader.Peek <> '\n' do
                        reader.Step()
                | '/' when reader.PeekNext = '*' ->
                    let start = reader.Place
                    reader.Step()
                    reader.Step()

                    while not reader.End && not (reader.Peek = '*' && reader.PeekNext = '/') do
                        reader.Step()

                    if reader.End then
                        reader.Refuse(start, "/*", "this comment is never closed", "add */")

                    reader.Step()
                    reader.Step()
                | _ -> more <- false

        /// A run of letters, digits and signs, as found: for numbers, literals and messages.
        member reader.Word() =
            let start = at

            while not reader.End
                  && (Char.IsLetterOrDigit reader.Peek || "+-._'".Contains reader.Peek) do
                reader.Step()

            text.Substring(start, at - start)

    let rec private hex (reader: Reader) place =
        let mutable code = 0

        for _ in 1..4 do
            let digit = "0123456789abcdef".IndexOf(Char.ToLowerInvariant reader.Peek)

            if digit < 0 then
                reader.Refuse(place, "\\u", "must be followed by four hexadecimal digits", "")

            code <- code * 16 + digit
            reader.Step()

        char code

    let private readString (reader: Reader) =
        let start = reader.Place
        let text = StringBuilder()
        reader.Step()
        let mutable more = true

        while more do
            match reader.Peek with
            | '"' ->
                reader.Step()
                more <- false
            | '\\' ->
                let place = reader.Place
                reader.Step()
                let escape = reader.Peek
                reader.Step()

                match escape with
                | 'n' -> text.Append '\n' |> ignore
                | 't' -> text.Append '\t' |> ignore
                | 'r' -> text.Append '\r' |> ignore
                | 'b' -> text.Append '\b' |> ignore
                | 'f' -> text.Append '\f' |> ignore
                | '"'
                | '\\'
                | '/' -> text.Append escape |> ignore
                | 'u' -> text.Append(hex reader place) |> ignore
                | other ->
                    reader.Refuse(place, $"\\{other}", "is no escape of JSON", "write \\\\ for one backslash")
            | c when reader.End || c = '\n' ->
                reader.Refuse(start, "\"" + text.ToString(), "this text is never closed", "add a closing \"")
            | c when c < ' ' ->
                reader.Refuse(reader.Place, $"\\u%04x{int c}", "control characters must be escaped", "")
            | c ->
                text.Append c |> ignore
                reader.Step()

        text.ToString()

    let private isNumber (word: string) =
        let digits = word.TrimStart '-'

        digits <> ""
        && word.Length - digits.Length <= 1
        && Char.IsAsciiDigit digits[0]
        && Char.IsAsciiDigit word[word.Length - 1]
        && not (digits.Length > 1 && digits[0] = '0' && Char.IsAsciiDigit digits[1])
        && word |> Seq.forall (fun c -> Char.IsAsciiDigit c || "+-.eE".Contains c)
        && not (word.Contains ".e" || word.Contains ".E")
        && fst (Double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture))

    let rec private readValue (reader: Reader) : Json =
        reader.Skip()
        let place = reader.Place

        let value =
            match reader.Peek with
            | '{' -> reader.Within(place, fun () -> readObject reader place)
            | '[' -> reader.Within(place, fun () -> readArray reader place)
            | '"' -> JString(readString reader)
            | _ when reader.End -> reader.Refuse(place, "", "the text ends where a value should stand", "")
            | _ ->
                match reader.Word() with
                | "true" -> JBool true
                | "false" -> JBool false
                | "null" -> JNull
                | "True" -> reader.Refuse(place, "True", "is not JSON", "write true")
                | "False" -> reader.Refuse(place, "False", "is not JSON", "write false")
                | "None" -> reader.Refuse(place, "None", "is not JSON", "write null")
                | word when isNumber word -> JNumber word
                | "" -> reader.Refuse(place, string reader.Peek, "a value should stand here", "")
                | word ->
                    reader.Refuse(
                        place,
                        word,
                        "is neither number, true, false nor null",
                        $"quote it if it is a text: \"{word}\""
                    )

        { At = place; Value = value }

    and private readObject reader start =
        reader.Step()
        let members = ResizeArray()
        let mutable more = true

        while more do
            reader.Skip()

            match reader.Peek with
            | '}' ->
                reader.Step()
                more <- false
            | '"' ->
                let place = reader.Place
                let name = readString reader
                reader.Skip()

                if reader.Peek <> ':' then
                    reader.Refuse(reader.Place, "", $"a colon should follow the key \"{name}\"", "")

                reader.Step()

                members.Add
                    {
                        Name = name
                        NameAt = place
                        Content = readValue reader
                    }

                reader.Skip()

                match reader.Peek with
                | ',' -> reader.Step()
                | '}' -> ()
                | _ when reader.End -> reader.Refuse(start, "{", "this object is never closed", "add }")
                | _ ->
                    reader.Refuse(
                        reader.Place,
                        "",
                        $"a comma or }} should follow the value of \"{name}\"",
                        ""
                    )
            | _ when reader.End -> reader.Refuse(start, "{", "this object is never closed", "add }")
            | _ ->
                let place = reader.Place
                let word = reader.Word()
                reader.Refuse(place, word, "a key should stand here, in double quotes", "")

        JObject(List.ofSeq members)

    and private readArray reader start =
        reader.Step()
        let items = ResizeArray()
        let mutable more = true

        while more do
            reader.Skip()

            match reader.Peek with
            | ']' ->
                reader.Step()
                more <- false
            | _ when reader.End -> reader.Refuse(start, "[", "this array is never closed", "add ]")
            | _ ->
                items.Add(readValue reader)
                reader.Skip()

                match reader.Peek with
                | ',' -> reader.Step()
                | ']' -> ()
                | _ when reader.End -> reader.Refuse(start, "[", "this array is never closed", "add ]")
                | _ -> reader.Refuse(reader.Place, "", "a comma or ] should follow the value", "")

        JArray(List.ofSeq items)

    /// Reads a whole text. A text that is no JSON has one problem: reading cannot go on past it.
    let parse (source: string) (text: string) : Result<Json, Problem> =
        try
            let reader = Reader(source, text)
            let value = readValue reader
            reader.Skip()

            if not reader.End then
                reader.Refuse(reader.Place, string reader.Peek, "nothing may follow the value", "")

            Ok value
        with Refused problem ->
            Error problem

    /// A JSON string literal. Only what JSON demands is escaped.
    let quote (text: string) =
        let result = StringBuilder "\""

        for c in text do
            match c with
            | '"' -> result.Append "\\\"" |> ignore
            | '\\' -> result.Append "\\\\" |> ignore
            | '\n' -> result.Append "\\n" |> ignore
            | '\t' -> result.Append "\\t" |> ignore
            | '\r' -> result.Append "\\r" |> ignore
            | c when c < ' ' -> result.Append("\\u").Append((int c).ToString "x4") |> ignore
            | c -> result.Append c |> ignore

        result.Append('"').ToString()

    /// The shortest number that reads back as the same double.
    let number (value: float) =
        value
            .ToString("R", CultureInfo.InvariantCulture)
            .Replace("E-0", "e-")
            .Replace("E+", "e")
            .Replace('E', 'e')

    /// One line of JSON, for messages.
    let rec compact (json: Json) =
        match json.Value with
        | JNull -> "null"
        | JBool b -> if b then "true" else "false"
        | JNumber n -> n
        | JString s -> quote s
        | JArray items -> "[" + String.Join(", ", List.map compact items) + "]"
        | JObject members ->
            "{"
            + String.Join(", ", members |> List.map (fun m -> $"{quote m.Name}: {compact m.Content}"))
            + "}"

    /// Indented JSON: objects one member a line, arrays of plain values on one line. No newline at the end.
    let render (json: Json) =
        let rec write (indent: string) (json: Json) =
            let inner = indent + "  "

            match json.Value with
            | JObject [] -> "{}"
            | JObject members ->
                let lines =
                    members |> List.map (fun m -> $"{inner}{quote m.Name}: {write inner m.Content}")

                "{\n" + String.Join(",\n", lines) + "\n" + indent + "}"
            | JArray items when
                items
                |> List.exists (fun i ->
                    match i.Value with
                    | JObject _
                    | JArray _ -> true
                    | _ -> false)
                ->
                "[\n"
                + String.Join(",\n", items |> List.map (fun i -> inner + write inner i))
                + "\n"
                + indent
                + "]"
            | _ -> compact json

        write "" json

    /// The place of values that no person wrote.
    let nowhere = { Source = ""; Line = 0; Column = 0 }

    /// A value without a place.
    let make value = { At = nowhere; Value = value }

    /// An object without places.
    let makeObject (members: (string * Json) list) =
        make (
            JObject(
                members
                |> List.map (fun (n, v) ->
                    {
                        Name = n
                        NameAt = nowhere
                        Content = v
                    })
            )
        )

    /// The member of an object by name.
    let tryFind name (json: Json) =
        match json.Value with
        | JObject members -> members |> List.tryFind (fun m -> m.Name = name) |> Option.map _.Content
        | _ -> None

    /// The same value with all places forgotten, for comparing meanings.
    let rec forgetPlaces (json: Json) : Json =
        match json.Value with
        | JObject members -> makeObject (members |> List.map (fun m -> m.Name, forgetPlaces m.Content))
        | JArray items -> make (JArray(List.map forgetPlaces items))
        | value -> make value
