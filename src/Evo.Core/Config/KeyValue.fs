namespace Evo.Core

open System
open System.Globalization

/// Reads one value by the rules of its key.
module internal KeyValue =

    /// What is wrong with a value, and what would be right.
    type Wrong = { Rule: string; Hint: string }

    let private wrong rule hint = Error { Rule = rule; Hint = hint }

    /// `"float32", "bfloat16" or "float64"`.
    let oneOf (choices: string list) =
        let quoted = choices |> List.map (fun c -> "\"" + c + "\"")

        match List.rev quoted with
        | [] -> ""
        | [ only ] -> only
        | last :: others -> String.Join(", ", List.rev others) + " or " + last

    let private bounds (key: KeyInfo) =
        match Double.IsInfinity key.Minimum, Double.IsInfinity key.Maximum with
        | false, true when key.Exclusive -> $"must be greater than {Json.number key.Minimum}"
        | false, true -> $"must be at least {Json.number key.Minimum}"
        | true, false -> $"must be at most {Json.number key.Maximum}"
        | _ -> $"must be from {Json.number key.Minimum} to {Json.number key.Maximum}"

    let private inBounds (key: KeyInfo) (value: float) =
        if key.Exclusive then
            value > key.Minimum && value < key.Maximum
        else
            value >= key.Minimum && value <= key.Maximum

    let private unquoted (text: string) =
        if fst (Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture)) then
            $"write {text} without quotes"
        else
            ""

    let private number (key: KeyInfo) (digits: string) =
        match Double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value ->
            if inBounds key value then
                Ok value
            else
                wrong (bounds key) ""
        | _ -> wrong "is too large for a number" ""

    let private integer (key: KeyInfo) (digits: string) =
        // Whole numbers may be written 1e6, as people do.
        match Decimal.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when value = Math.Truncate value ->
            if not (inBounds key (float value)) then
                wrong (bounds key) ""
            elif key.Type = typeof<int> && abs value > decimal Int32.MaxValue then
                wrong $"must be at most {Int32.MaxValue}" ""
            elif abs value > decimal Int64.MaxValue then
                wrong $"must be at most {Int64.MaxValue}" ""
            else
                Ok(int64 value)
        | true, value -> wrong "must be a whole number" $"write {Math.Floor value} or {Math.Ceiling value}"
        | _ -> wrong "must be a whole number" ""

    let private choice (key: KeyInfo) (text: string) =
        // InternEvo writes "torch.bfloat16" where Evo writes "bfloat16".
        let plain = if text.StartsWith "torch." then text.Substring 6 else text
        let text = if List.contains plain key.Choices then plain else text

        if key.Choices.IsEmpty || List.contains text key.Choices then
            Ok text
        else
            let hint =
                match Nearest.find key.Choices text with
                | Some near -> $"did you mean \"{near}\"?"
                | None -> ""

            wrong $"must be {oneOf key.Choices}" hint

    /// What a kind of value is called.
    let kindName kind =
        match kind with
        | KeyKind.Integer -> "a whole number"
        | KeyKind.Number -> "a number"
        | KeyKind.Boolean -> "true or false"
        | KeyKind.Text -> "a text"
        | KeyKind.Fraction -> "a number from 0 to 1, or true or false"
        | KeyKind.Texts -> "a list of texts"
        | _ -> "an object"

    /// The value as an `int64`, `float`, `bool`, `string`, `string list`, null, or, for a family's object, its JSON.
    let read (key: KeyInfo) (json: Json) : Result<obj | null, Wrong> =
        let boxed result =
            result |> Result.map (fun value -> box value)

        let mustBe hint =
            match key.Kind, key.Choices with
            | KeyKind.Fraction, _ :: _ -> wrong $"must be {kindName key.Kind}, or {oneOf key.Choices}" hint
            | kind, _ -> wrong $"must be {kindName kind}" hint

        match key.Kind, json.Value with
        | _, JNull when key.Nullable -> Ok null
        | KeyKind.Integer, JNumber digits -> boxed (integer key digits)
        | KeyKind.Number, JNumber digits
        | KeyKind.Fraction, JNumber digits -> boxed (number key digits)
        | KeyKind.Fraction, JBool value -> Ok(box (if value then 1.0 else 0.0))
        | KeyKind.Fraction, JString text when List.contains text key.Choices -> Ok(box text)
        | KeyKind.Boolean, JBool value -> Ok(box value)
        | KeyKind.Boolean, JNumber("0" | "1" as digit) ->
            mustBe (if digit = "1" then "write true" else "write false")
        | KeyKind.Text, JString text -> boxed (choice key text)
        // A choice among others, such as auto, may be true or false, and is written so.
        | KeyKind.Text, JBool value when List.contains (if value then "true" else "false") key.Choices ->
            boxed (choice key (if value then "true" else "false"))
        | KeyKind.Text, JNumber digits -> mustBe $"write \"{digits}\""
        | KeyKind.Texts, JArray items ->
            let read =
                items
                |> List.map (fun item ->
                    match item.Value with
                    | JString text -> choice key text
                    | _ -> wrong "must be a list of texts" "")

            match
                read
                |> List.tryPick (fun item ->
                    match item with
                    | Error e -> Some e
                    | Ok _ -> None)
            with
            | Some error -> Error error
            | None -> Ok(box (read |> List.choose Result.toOption))
        | KeyKind.Object, JObject _ -> Ok(box json)
        | (KeyKind.Integer | KeyKind.Number | KeyKind.Fraction | KeyKind.Boolean), JString text ->
            mustBe (
                match text.ToLowerInvariant() with
                | "true"
                | "false" as word when key.Kind <> KeyKind.Integer && key.Kind <> KeyKind.Number ->
                    $"write {word} without quotes"
                | _ when key.Kind = KeyKind.Boolean -> ""
                | _ -> unquoted text
            )
        | _ -> mustBe ""

    /// The value in the type of the field that receives it.
    let toField (key: KeyInfo) (value: obj | null) : obj | null =
        match value with
        | :? int64 as number when key.Type = typeof<int> -> box (int number)
        | :? float as share when key.Type = typeof<Checkpointed> -> box (Share share)
        | :? string when key.Type = typeof<Checkpointed> -> box Auto
        | value -> value
