namespace Evo.Core

open System
open System.Text

/// The table of all keys as Markdown, for docs/config.md and `evo config docs`.
module KeyTable =

    let private kind (key: KeyInfo) =
        match key.Kind, key.Choices with
        | KeyKind.Text, [] -> "text"
        | KeyKind.Text, choices ->
            let written c =
                if c = "true" || c = "false" then $"`{c}`" else $"`\"{c}\"`"

            String.Join(", ", choices |> List.map written)
        | KeyKind.Texts, [] -> "list of texts"
        | KeyKind.Texts, choices ->
            "list of " + String.Join(", ", choices |> List.map (fun c -> $"`\"{c}\"`"))
        | KeyKind.Integer, _ -> "whole number"
        | KeyKind.Number, _ -> "number"
        | KeyKind.Boolean, _ -> "true or false"
        | KeyKind.Fraction, [] -> "number from 0 to 1, true or false"
        | KeyKind.Fraction, choices ->
            "number from 0 to 1, true or false, "
            + String.Join(", ", choices |> List.map (fun c -> $"`\"{c}\"`"))
        | _ -> "object"

    let private range (key: KeyInfo) =
        match Double.IsInfinity key.Minimum, Double.IsInfinity key.Maximum with
        | _ when key.Kind = KeyKind.Fraction -> ""
        | true, true -> ""
        | false, true -> $", at least {Json.number key.Minimum}"
        | true, false -> $", at most {Json.number key.Maximum}"
        | _ -> $", {Json.number key.Minimum} to {Json.number key.Maximum}"

    let private fallback (key: KeyInfo) =
        match key.Default with
        | "" -> "**required**"
        | "null" -> "unset"
        | value -> $"`{value}`"

    let private row (text: StringBuilder) prefix (key: KeyInfo) =
        let rule = if key.Rule = "" then "" else $" ({key.Rule})"
        let doc = key.Doc.Replace("|", "\\|") + rule

        text.Append($"| `{prefix}{key.Name}` | {kind key}{range key} | {fallback key} | {doc} |\n")
        |> ignore

    let private header = "| key | holds | default | meaning |\n|---|---|---|---|\n"

    let rec private rows (text: StringBuilder) prefix (keys: KeyInfo list) =
        for key in keys do
            match key.Section with
            | Some inner when key.Bare ->
                let first = List.head inner.Keys

                row
                    text
                    prefix
                    { first with
                        Name = $"{key.Name}.{first.Name}"
                        Doc = key.Doc
                    }

                rows text $"{prefix}{key.Name}." inner.Keys.Tail
            | Some inner -> rows text $"{prefix}{key.Name}." inner.Keys
            | None -> row text prefix key

    let private familyTable (text: StringBuilder) (family: ModelFamilyKeys) =
        text
            .Append(
                $"\n### `model` of {family.Family}\n\n{family.Doc} Hugging Face's name: `{family.Architecture}`.\n\n"
            )
            .Append
            header
        |> ignore

        for key in family.Keys do
            row text "" (Keys.ofModelKey key)

    /// All keys, or those of the section named; None where there is no such section.
    let write (families: ModelFamilyKeys list) (section: string option) : string option =
        let text = StringBuilder()

        let writeTop () =
            text.Append("### The run\n\n").Append header |> ignore

            for key in Keys.root.Keys do
                if key.Section.IsNone then
                    let names = families |> List.map _.Family

                    row
                        text
                        ""
                        (if key.Name = "model_type" then
                             { key with Choices = names }
                         else
                             key)

        let writeSection (key: KeyInfo) (inner: SectionInfo) =
            text.Append($"\n### `{key.Name}`\n\n{key.Doc}\n\n").Append header |> ignore
            rows text "" inner.Keys

            if key.Name = "model" then
                for family in families do
                    familyTable text family

        let sections =
            Keys.root.Keys
            |> List.choose (fun key -> key.Section |> Option.map (fun inner -> key, inner))

        match section with
        | None ->
            writeTop ()

            for key, inner in sections do
                writeSection key inner

            Some(text.ToString())
        | Some name ->
            match sections |> List.tryFind (fun (key, _) -> key.Name = name) with
            | Some(key, inner) ->
                writeSection key inner
                Some(text.ToString().TrimStart())
            | None -> None
