namespace Evo.Core

open System

/// The JSON Schema (draft 2020-12) of a configuration, which editors complete and check from.
module Schema =

    let private text (value: string) = Json.make (JString value)
    let private flag value = Json.make (JBool value)
    let private digits (value: float) = Json.make (JNumber(Json.number value))

    let private texts (values: string seq) =
        Json.make (JArray [ for value in values -> text value ])

    let private typeName kind =
        match kind with
        | KeyKind.Integer -> [ "integer" ]
        | KeyKind.Number -> [ "number" ]
        | KeyKind.Boolean -> [ "boolean" ]
        | KeyKind.Text -> [ "string" ]
        | KeyKind.Fraction -> [ "number"; "boolean" ]
        | KeyKind.Texts -> [ "array" ]
        | _ -> [ "object" ]

    let private bounds (key: KeyInfo) =
        [
            if not (Double.IsInfinity key.Minimum) then
                (if key.Exclusive then "exclusiveMinimum" else "minimum"), digits key.Minimum
            if not (Double.IsInfinity key.Maximum) then
                (if key.Exclusive then "exclusiveMaximum" else "maximum"), digits key.Maximum
        ]

    let private defaultOf (key: KeyInfo) =
        match Json.parse "" key.Default with
        | Ok json when key.Default <> "" -> [ "default", Json.forgetPlaces json ]
        | _ -> []

    /// A number that some words may stand for.
    let private orWords (key: KeyInfo) =
        let types = Json.make (JArray [ for name in typeName key.Kind -> text name ])

        Json.makeObject (
            [
                "description", text key.Doc
                "anyOf",
                Json.make (
                    JArray
                        [
                            Json.makeObject (("type", types) :: bounds key)
                            Json.makeObject [ "enum", texts key.Choices ]
                        ]
                )
            ]
            @ defaultOf key
        )

    let private plainValue (key: KeyInfo) =
        let switches =
            [
                if List.contains "false" key.Choices then
                    flag false
                if List.contains "true" key.Choices then
                    flag true
            ]

        let types =
            typeName key.Kind
            @ (if switches.IsEmpty then [] else [ "boolean" ])
            @ (if key.Nullable then [ "null" ] else [])

        let choices =
            match key.Kind, key.Choices with
            | _, [] -> []
            | KeyKind.Texts, choices -> [ "items", Json.makeObject [ "enum", texts choices ] ]
            | _, choices when key.Nullable ->
                [
                    "enum", Json.make (JArray([ for c in choices -> text c ] @ [ Json.make JNull ]))
                ]
            | _, choices -> [ "enum", Json.make (JArray([ for c in choices -> text c ] @ switches)) ]

        Json.makeObject (
            [
                "description", text (if key.Rule = "" then key.Doc else $"{key.Doc} ({key.Rule})")
                "type",
                (match types with
                 | [ one ] -> text one
                 | many -> texts many)
            ]
            @ choices
            @ bounds key
            @ defaultOf key
        )

    let private value (key: KeyInfo) =
        if key.Kind = KeyKind.Fraction && not key.Choices.IsEmpty then
            orWords key
        else
            plainValue key

    let private requiredOf (keys: KeyInfo list) =
        match keys |> List.filter _.Required with
        | [] -> []
        | required -> [ "required", texts (required |> List.map _.Name) ]

    let rec private property (key: KeyInfo) =
        match key.Section with
        | None -> value key
        | Some inner when key.Bare ->
            Json.makeObject
                [
                    "description", text key.Doc
                    "anyOf", Json.make (JArray [ value (List.head inner.Keys); object inner.Keys "" ])
                ]
        | Some inner -> object inner.Keys key.Doc

    and private object (keys: KeyInfo list) doc =
        Json.makeObject (
            (if doc = "" then [] else [ "description", text doc ])
            @ [ "type", text "object" ]
            @ [ "properties", Json.makeObject [ for key in keys -> key.Name, property key ] ]
            @ requiredOf keys
            @ [ "additionalProperties", flag false ]
        )

    /// `if model_type is this family then model holds exactly these keys`.
    let private familyRule (common: KeyInfo list) (family: ModelFamilyKeys) =
        let keys = common @ (family.Keys |> Seq.map Keys.ofModelKey |> List.ofSeq)

        Json.makeObject
            [
                "if",
                Json.makeObject
                    [
                        "properties",
                        Json.makeObject [ "model_type", Json.makeObject [ "const", text family.Family ] ]
                        "required", texts [ "model_type" ]
                    ]
                "then",
                Json.makeObject
                    [
                        "properties",
                        Json.makeObject [ "model", object keys $"{family.Doc} ({family.Architecture})" ]
                    ]
            ]

    /// The schema for these families, as indented JSON with a newline at the end.
    let write (families: ModelFamilyKeys list) =
        let sections = Keys.root.Keys

        let modelKeys =
            sections
            |> List.tryFind (fun key -> key.Name = "model")
            |> Option.bind _.Section
            |> Option.map _.Keys
            |> Option.defaultValue []

        let top (key: KeyInfo) =
            match key.Name with
            | "model_type" ->
                key.Name,
                value
                    { key with
                        Choices = families |> List.map _.Family
                    }
            | "model" -> key.Name, Json.makeObject [ "description", text key.Doc; "type", text "object" ]
            | _ -> key.Name, property key

        let needed =
            let rec needs (key: KeyInfo) =
                match key.Section with
                | Some inner -> inner.Keys |> List.exists needs
                | None -> key.Required

            sections |> List.filter needs |> List.map _.Name

        let schema =
            Json.makeObject
                [
                    "$schema", text "https://json-schema.org/draft/2020-12/schema"
                    "title", text "A training run of Evo"
                    "description",
                    text
                        "Written by `evo config schema`. Comments and trailing commas are allowed in a configuration."
                    "type", text "object"
                    "properties",
                    Json.makeObject (
                        [
                            "$schema",
                            Json.makeObject
                                [ "description", text "This schema, for editors."; "type", text "string" ]
                        ]
                        @ [ for key in sections -> top key ]
                    )
                    "required", texts needed
                    "additionalProperties", flag false
                    "allOf", Json.make (JArray [ for family in families -> familyRule modelKeys family ])
                ]

        Json.render schema + "\n"
