module Evo.Core.Tests.SchemaTests

open System.Text.Json
open Xunit
open Evo.Core
open Evo.Core.Tests.Runs

let private schema = JsonDocument.Parse(Schema.write [ family ]).RootElement

let private at (path: string) =
    path.Split '.'
    |> Array.fold (fun (json: JsonElement) (name: string) -> json.GetProperty name) schema

[<Fact>]
let ``the schema knows every key of the table with its meaning, type and default, and no other`` () =
    let rec check (json: JsonElement) (section: SectionInfo) =
        Assert.False(json.GetProperty("additionalProperties").GetBoolean())

        for key in section.Keys do
            if key.Name <> "model" then
                let property = json.GetProperty("properties").GetProperty key.Name

                let expected =
                    if key.Name = "model_type" then
                        key.Doc
                    else
                        property.GetProperty("description").ToString()

                Assert.StartsWith(key.Doc, expected)

                match key.Section with
                | Some _ when key.Bare -> ()
                | Some inner -> check property inner
                | None -> Assert.Equal(key.Default <> "", fst (property.TryGetProperty "default"))

    check schema Keys.root

[<Fact>]
let ``the schema asks for the keys that must be given`` () =
    let required (json: JsonElement) =
        [
            for name in json.GetProperty("required").EnumerateArray() -> string (name.GetString())
        ]

    Assert.Equal<string list>([ "model_type"; "data" ], (required schema))
    Assert.Equal<string list>([ "seq_len"; "total_steps" ], (required (at "properties.data")))

[<Fact>]
let ``the schema knows a family's keys where the family is chosen`` () =
    let rule = schema.GetProperty("allOf")[0]

    let chosen =
        rule.GetProperty("if").GetProperty("properties").GetProperty("model_type").GetProperty("const")

    Assert.Equal("TOY", (chosen).ToString())
    let model = rule.GetProperty("then").GetProperty("properties").GetProperty "model"
    Assert.False(model.GetProperty("additionalProperties").GetBoolean())
    let keys = model.GetProperty "properties"
    Assert.Equal("integer", string (keys.GetProperty("num_layers").GetProperty("type")))
    Assert.Equal(1.0, keys.GetProperty("num_layers").GetProperty("minimum").GetDouble())
    Assert.Equal("float32", (keys.GetProperty("dtype").GetProperty("default")).ToString())
    Assert.Equal("num_layers", (model.GetProperty("required")[0]).ToString())

[<Fact>]
let ``the table of keys shows every key once, with its default`` () =
    match KeyTable.write [ family ] None with
    | None -> Assert.Fail "no table"
    | Some table ->
        let rec check (section: SectionInfo) prefix =
            for key in section.Keys do
                match key.Section with
                | Some inner when prefix = "" -> check inner " "
                | Some inner -> check inner (prefix + key.Name + ".")
                | None -> Assert.Contains("| `" + prefix.Trim() + key.Name + "` |", table)

        check Keys.root ""
        Assert.Contains("| `lr` | number, at least 0 | `1e-4` |", table)
        Assert.Contains("| `num_layers` | whole number, at least 1 | **required** |", table)
        Assert.Equal(None, KeyTable.write [ family ] (Some "nowhere"))
