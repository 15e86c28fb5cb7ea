module Evo.Cli.Tests.ConfigVerbTests

open System
open System.IO
open System.Text.Json
open Xunit
open Evo.Core
open Evo.Cli
open Evo.Cli.Tests.Command

let private configs =
    Directory.GetFiles(Path.Combine(root, "configs"), "*.json")
    |> Array.filter (fun path -> not (path.EndsWith ".schema.json"))
    |> List.ofArray

[<Fact>]
let ``configs/evo.schema.json is what evo config schema writes`` () =
    let kept = File.ReadAllText(Path.Combine(root, "configs", "evo.schema.json"))
    let now = Schema.write (ConfigFile.families ())
    Assert.True((kept = now), "write it again: ./evo config schema --output configs/evo.schema.json")

[<Fact>]
let ``docs/config.md holds the table that evo config docs writes`` () =
    let page = File.ReadAllText(Path.Combine(root, "docs", "config.md"))
    let table = KeyTable.write (ConfigFile.families ()) None |> Option.defaultValue ""
    let kept = page.Substring(max 0 (page.IndexOf "### The run"))

    if
        kept.Trim() <> table.Trim()
        && Environment.GetEnvironmentVariable "EVO_WRITE_DOCS" = "1"
    then
        File.WriteAllText(
            Path.Combine(root, "docs", "config.md"),
            page.Substring(0, page.IndexOf "### The run") + table
        )
    else
        Assert.True(
            (kept.Trim() = table.Trim()),
            "run this test with EVO_WRITE_DOCS=1 to write the table again"
        )

[<Fact>]
let ``docs/command-line.md names every verb and every exit code with its meaning`` () =
    let page = File.ReadAllText(Path.Combine(root, "docs", "command-line.md"))

    for code, meaning in CommandLine.exitCodes do
        Assert.Contains($"| {int code} | {meaning} |", page)

    for verb in Program.verbs do
        Assert.Contains("`" + verb.Name.Split(' ')[0], page)

[<Fact>]
let ``every configuration of the project refers to the schema and has no problems`` () =
    Assert.True(configs.Length >= 4)

    for path in configs do
        Assert.Contains("\"$schema\": \"./evo.schema.json\"", File.ReadAllText path)

        match ConfigFile.check [] path with
        | Ok run -> Assert.Empty((ConfigFile.spec run).Problems())
        | Error problems -> Assert.Fail(String.Join("\n", problems |> List.map string))

/// A layer's attention with its norms, by hand: queries and outputs, keys and values.
let private attention hidden heads kv bias =
    let kvWidth = hidden / heads * kv
    2L * hidden * hidden + 2L * hidden * kvWidth + 2L * hidden + bias

/// Parameters of the sparse models of the project, and those active for a token, from their sizes alone.
let private sparse: (string * int64 * int64) list =
    let whole layers layer hidden vocab =
        layers * layer + 2L * vocab * hidden + hidden

    let mixtral experts =
        whole 32L (attention 4096L 32L 8L 0L + 8L * 4096L + experts * 3L * 4096L * 14336L) 4096L 32000L

    let qwen experts =
        let biases = 3584L + 2L * 512L
        let shared = 3L * 3584L * 20480L + 3584L

        whole
            28L
            (attention 3584L 28L 4L biases
             + 64L * 3584L
             + experts * 3L * 3584L * 2560L
             + shared)
            3584L
            151936L

    let internlm experts =
        whole
            32L
            (attention 4096L 32L 32L (4L * 4096L) + 4L * 4096L + experts * 3L * 4096L * 5632L)
            4096L
            103168L

    [
        "8x7B_mixtral", mixtral 8L, mixtral 2L
        "57B_qwen2_moe", qwen 64L, qwen 8L
        "7B_MoE4", internlm 4L, internlm 2L
    ]

[<Fact>]
let ``sparse models have the parameters that their sizes say`` () =
    // Published: 46.7 billion with 12.9 active, 57.4 billion with 14.2 active.
    Assert.Equal<float list>(
        [ 46.7; 12.9; 57.4; 14.2 ],
        [
            for _, all, active in List.take 2 sparse do
                for count in [ all; active ] -> Math.Round(float count / 1e9, 1)
        ]
    )

    for name, all, active in sparse do
        match ConfigFile.check [] (Path.Combine(root, "configs", name + ".json")) with
        | Ok run ->
            let spec = ConfigFile.spec run
            Assert.Equal((name, all, active), (name, spec.ParameterCount, spec.ActiveParameterCount))
        | Error problems -> Assert.Fail(String.Join("\n", problems |> List.map string))

/// The part of JSON Schema that Evo writes, so that what editors say and what Evo says can be compared.
let rec private obeys (schema: JsonElement) (value: JsonElement) : bool =
    let property (name: string) =
        match schema.TryGetProperty name with
        | true, found -> Some found
        | _ -> None

    let isType (name: string) =
        match name, value.ValueKind with
        | "object", JsonValueKind.Object
        | "array", JsonValueKind.Array
        | "string", JsonValueKind.String
        | "null", JsonValueKind.Null
        | "number", JsonValueKind.Number
        | "boolean", (JsonValueKind.True | JsonValueKind.False) -> true
        | "integer", JsonValueKind.Number -> value.GetDouble() = Math.Floor(value.GetDouble())
        | _ -> false

    let types =
        match property "type" with
        | Some one when one.ValueKind = JsonValueKind.String -> isType (string one)
        | Some many -> many.EnumerateArray() |> Seq.exists (fun one -> isType (string one))
        | None -> true

    let number test (name: string) =
        match property name with
        | Some bound when value.ValueKind = JsonValueKind.Number ->
            test (value.GetDouble()) (bound.GetDouble())
        | _ -> true

    let choice =
        match property "enum", property "const" with
        | Some choices, _ ->
            choices.EnumerateArray()
            |> Seq.exists (fun c -> c.ToString() = value.ToString())
        | None, Some only -> only.ToString() = value.ToString()
        | None, None -> true

    let any =
        match property "anyOf" with
        | Some choices -> choices.EnumerateArray() |> Seq.exists (fun inner -> obeys inner value)
        | None -> true

    let all =
        match property "allOf" with
        | Some rules ->
            rules.EnumerateArray()
            |> Seq.forall (fun rule ->
                match rule.TryGetProperty "if" with
                | true, condition -> not (obeys condition value) || obeys (rule.GetProperty "then") value
                | _ -> obeys rule value)
        | None -> true

    let items =
        match property "items" with
        | Some inner when value.ValueKind = JsonValueKind.Array ->
            value.EnumerateArray() |> Seq.forall (obeys inner)
        | _ -> true

    let members =
        if value.ValueKind <> JsonValueKind.Object then
            true
        else
            let known = property "properties"

            let required =
                match property "required" with
                | Some names ->
                    names.EnumerateArray()
                    |> Seq.forall (fun name -> fst (value.TryGetProperty(string name)))
                | None -> true

            let open' =
                property "additionalProperties" |> Option.forall (fun p -> p.GetBoolean())

            required
            && value.EnumerateObject()
               |> Seq.forall (fun m ->
                   match known |> Option.map (fun k -> k.TryGetProperty m.Name) with
                   | Some(true, inner) -> obeys inner m.Value
                   | _ -> open')

    types
    && choice
    && any
    && all
    && items
    && members
    && number (>=) "minimum"
    && number (<=) "maximum"

let private schema =
    lazy JsonDocument.Parse(Schema.write (ConfigFile.families ())).RootElement

let private options =
    JsonDocumentOptions(AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip)

[<Fact>]
let ``the schema accepts every configuration of the project, and what config show prints of it`` () =
    for path in configs do
        use written = JsonDocument.Parse(File.ReadAllText path, options)
        Assert.True(obeys schema.Value written.RootElement, path)

        match ConfigFile.check [] path with
        | Ok run ->
            use full = JsonDocument.Parse(Config.print run)
            Assert.True(obeys schema.Value full.RootElement, $"{path} as printed")
        | Error problems -> Assert.Fail(String.Join("\n", problems |> List.map string))

[<Theory>]
[<InlineData("data.seq_len", "0")>]
[<InlineData("data.seq_len", "\"512\"")>]
[<InlineData("data.seqlen", "512")>]
[<InlineData("model.hidden_sice", "64")>]
[<InlineData("model.checkpoint", "1.5")>]
[<InlineData("model_type", "\"INTERNLM9\"")>]
[<InlineData("lr_scheduler.type", "\"cosin\"")>]
[<InlineData("ckpt.load_ckpt_info.content", "[\"weights\"]")>]
let ``what the schema refuses, evo refuses too`` (key: string) (value: string) =
    use folder = new Folder()
    let tiny = Path.Combine(root, "configs", "tiny.json")
    let text = File.ReadAllText tiny

    match Json.parse "tiny" text, Json.parse "value" value with
    | Ok json, Ok value ->
        let changed = Overrides.put (List.ofArray (key.Split '.')) value json |> Json.render
        use document = JsonDocument.Parse changed
        Assert.False(obeys schema.Value document.RootElement)
        let path = folder.Write("run.json", changed)
        Assert.True((ConfigFile.check [] path).IsError)
    | _ -> Assert.Fail "no JSON"

[<Fact>]
let ``config check lists the problems as JSON for a program`` () =
    let answer =
        run [ "config"; "check"; "configs/tiny.json"; "--set"; "data.seqlen=4"; "--json" ]

    Assert.Equal(3, answer.Code)
    use json = JsonDocument.Parse answer.Output
    let problem = json.RootElement.GetProperty("problems")[0]
    Assert.Equal("--set data.seqlen", problem.GetProperty("source").ToString())
    Assert.Equal("data.seqlen", problem.GetProperty("path").ToString())
    Assert.Equal("did you mean \"seq_len\"?", problem.GetProperty("hint").ToString())

[<Fact>]
let ``a null in a run is not the default: it chooses ALiBi, which no length bounds`` () =
    let check value =
        run
            [
                "config"
                "check"
                "configs/7B_baichuan2.json"
                "--set"
                "data.seq_len=8192"
                "--set"
                $"model.max_position_embeddings={value}"
            ]

    let bounded, free = check "4096", check "null"
    Assert.Equal((3, 0), (bounded.Code, free.Code))
    Assert.Contains("must not be above the model's positions", bounded.Output)

[<Fact>]
let ``config show prints what it can read again`` () =
    use folder = new Folder()
    let first = run [ "config"; "show"; "configs/tiny.json"; "--set"; "adam.lr=0.5" ]
    Assert.Equal(0, first.Code)
    let second = run [ "config"; "show"; folder.Write("shown.json", first.Output) ]
    Assert.Equal(first.Output, second.Output)
    Assert.Contains("\"lr\": 0.5", first.Output)
