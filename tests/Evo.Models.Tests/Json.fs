/// Configurations as tests write them.
module Evo.Models.Tests.Json

open System.IO
open System.Text.Json.Nodes
open Evo.Models
open Evo.Models.Tests.Golden

/// A JSON object from its text.
let parse (text: string) =
    nonNull (JsonNode.Parse text) :?> JsonObject

/// The config.json of a folder of figures, some keys replaced.
let config (folder: string) (changes: (string * string) list) =
    let json = parse (File.ReadAllText(path [ folder; "config.json" ]))

    for key, value in changes do
        json[key] <- JsonNode.Parse value

    json

/// The family of that name.
let family name =
    match ModelFamilies.Find name with
    | null -> failwithf "no family %s" name
    | family -> family

/// The model that a config.json describes.
let read (json: JsonObject) =
    let architecture = nonNull (nonNull json["architectures"]).[0]
    (family (architecture.GetValue<string>())).FromHuggingFace.Invoke json

/// What is refused of a config.json.
let refusals (json: JsonObject) =
    try
        read json |> ignore
        []
    with :? ModelConfigException as error ->
        List.ofSeq error.Problems
