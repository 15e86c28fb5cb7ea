module Evo.Core.Tests.ConfigTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties
open Evo.Core.Tests.Runs

[<Fact>]
let ``every legal configuration is accepted, and reading what is printed gives the same run`` () =
    forAll legal fewer (fun values ->
        match ofValues values with
        | Error problems -> failwithf "refused: %A" (List.map string problems)
        | Ok run -> load (Config.print run) = Ok run)

[<Fact>]
let ``overrides apply from the first to the last, however they are grouped`` () =
    let change =
        Gen.zip
            (Gen.elements [ [ "a" ]; [ "a"; "b" ]; [ "a"; "b"; "c" ]; [ "d" ] ])
            (Gen.elements
                [
                    Json.make (JNumber "1")
                    Json.make (JBool true)
                    Json.makeObject [ "b", Json.make JNull ]
                ])

    let changes = Gen.map (List.truncate 6) (Gen.listOf change)

    forAll (Gen.zip changes changes) noShrink (fun (first, second) ->
        let start =
            Json.makeObject [ "a", Json.makeObject [ "b", Json.make (JString "x") ] ]

        Overrides.apply (first @ second) start = Overrides.apply second (Overrides.apply first start))

[<Fact>]
let ``an override wins over the file, and its value needs no quotes`` () =
    match
        Config.load [ family ] [ "data.seq_len=32"; "job_name=second"; "data.seq_len=64" ] "run.json" smallest
    with
    | Ok run ->
        Assert.Equal(64, run.Data.SeqLen)
        Assert.Equal("second", run.JobName)
    | Error problems -> raise (ConfigException problems)

[<Fact>]
let ``what is not given has the default of the table`` () =
    let run = loaded smallest
    Assert.Equal(1e-4, run.Adam.Lr)
    Assert.Equal(1, run.Data.MicroNum)
    Assert.Equal("runs/anonymous/checkpoints", run.CheckpointFolder)
    Assert.False(run.LrScheduler.TotalSteps.HasValue)
    Assert.Equal(100L, (LearningRate.Of run).TotalSteps)
    Assert.Equal(1L, (LearningRate.Of run).WarmupSteps)
    Assert.Equal("{\"num_layers\": 2}", run.Model.Family)

[<Fact>]
let ``every key has a meaning, and every default obeys its key's own rules`` () =
    let rec check path (section: SectionInfo) =
        for key in section.Keys do
            let here = path + "." + key.Name
            Assert.True(key.Doc.EndsWith '.' && key.Doc.Contains ' ', $"{here} has no meaning")
            Option.iter (check here) key.Section

    check "" Keys.root
    // Loading the smallest run reads every default; a default that breaks a rule throws.
    loaded smallest |> ignore

/// A text, and all of its problems.
let private wrong: (string * string list) list =
    [
        // Misspelled keys name the nearest, and are not reported as missing too.
        "{ \"model_typ\": \"TOY\", \"model\": {\"num_layer\": 2}, \"data\": {\"train_folder\": \"t\", \"seqlen\": 1, \"total_steps\": 1} }",
        [
            "run.json:1:3: model_typ: unknown key; did you mean \"model_type\"?"
            "run.json:1:33: model.num_layer: unknown key; did you mean \"num_layers\"?"
            "run.json:1:80: data.seqlen: unknown key; did you mean \"seq_len\"?"
        ]
        // Missing keys stand at the section that lacks them.
        "{ \"model_type\": \"TOY\",\n  \"data\": {\"train_folder\": \"t\"} }",
        [
            "run.json:1:1: model.num_layers: must be given; the num_layers."
            "run.json:2:11: data.seq_len: must be given; longest sequence, in tokens."
            "run.json:2:11: data.total_steps: must be given; batches to train on; one optimizer step each, unless a batch is skipped."
        ]
        // Types, ranges and choices.
        "{ \"model_type\": \"TOI\", \"seed\": 1.5,\n  \"model\": {\"num_layers\": 0, \"dtype\": \"bfloat15\", \"checkpoint\": 2},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": \"512\", \"total_steps\": 0, \"pack_sample_into_one\": 1} }",
        [
            "run.json:1:17: model_type = \"TOI\": must be \"TOY\"; did you mean \"TOY\"?"
            "run.json:1:32: seed = 1.5: must be a whole number; write 1 or 2."
            "run.json:2:27: model.num_layers = 0: must be at least 1."
            "run.json:2:39: model.dtype = \"bfloat15\": must be \"float32\", \"bfloat16\", \"float16\" or \"float64\"; did you mean \"bfloat16\"?"
            "run.json:2:65: model.checkpoint = 2: must be from 0 to 1."
            "run.json:3:44: data.seq_len = \"512\": must be a whole number; write 512 without quotes."
            "run.json:3:66: data.total_steps = 0: must be at least 1."
            "run.json:3:93: data.pack_sample_into_one = 1: must be true or false; write true."
        ]
        // The family's own keys.
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 0, \"hidden_act\": \"gelo\", \"rope_base\": true, \"heads\": 3},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": 2, \"total_steps\": 1} }",
        [
            "run.json:1:48: model.num_layers = 0: must be at least 1."
            "run.json:1:65: model.hidden_act = \"gelo\": must be \"silu\" or \"gelu\"; did you mean \"gelu\"?"
            "run.json:1:86: model.rope_base = true: must be a number."
            "run.json:1:92: model.heads: unknown key; evo config docs model lists the keys of this section."
        ]
        // A key in the wrong section, one of InternEvo's, one given twice.
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 1}, \"lr\": 1e-3, \"monitor\": {\"alert\": {\"light_monitor_address\": \"\"}},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": 2, \"total_steps\": 1, \"seq_len\": 4} }",
        [
            "run.json:1:52: lr: unknown key; this key belongs at adam.lr."
            "run.json:1:86: monitor.alert.light_monitor_address: unknown key; monitor.alert.webhook_address receives every alert as JSON; take it out."
            "run.json:2:65: data.seq_len: the key is given twice; keep one of the two."
        ]
        // Keys that contradict each other.
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 1},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": 2, \"total_steps\": 1},\n  \"train\": {\"device\": \"cpu\", \"backend\": \"nccl\"} }",
        [
            "run.json:3:41: train.backend = \"nccl\": is for GPUs, and train.device is cpu; use gloo."
        ]
        // Kinds of data, their order and their rows.
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 1},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": 2, \"total_steps\": 1,\n  \"mixture\": [\"0.7 en\", \"none cn\"], \"order\": \"internevo\", \"packing\": \"best_fit\",\n  \"min_lengths\": [\"code 5\"]} }",
        [
            "run.json:3:14: data.mixture = [\"0.7 en\", \"none cn\"]: holds \"none cn\"; each source is a weight above 0 and a path; for example [\"0.7 en\", \"0.3 books=/data/b\"]."
            "run.json:3:14: data.mixture = [\"0.7 en\", \"none cn\"]: InternEvo has none; data.order is \"internevo\"."
            "run.json:3:70: data.packing = \"best_fit\": InternEvo does not pack so; use \"cut\" or \"unpacked\"."
            "run.json:4:18: data.min_lengths = [\"code 5\"]: must hold a number and a part of a path each; for example [\"100 code/\"]."
        ]
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 1},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": 2, \"total_steps\": 1, \"packing\": \"unpacked\", \"pack_sample_into_one\": true,\n  \"mixture\": [\"1 a/en\", \"2 b/en\"]} }",
        [
            "run.json:2:76: data.packing = \"unpacked\": keeps documents apart, and data.pack_sample_into_one is true; use \"cut\", or set pack_sample_into_one to false."
            "run.json:3:14: data.mixture = [\"1 a/en\", \"2 b/en\"]: has two sources named en; write name=path for one of them."
        ]
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 1},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": 2, \"total_steps\": 1, \"type\": \"mocked\", \"rampup_batch_size\": \"1 1 1\"} }",
        [
            "run.json:2:11: data.pack_sample_into_one: must be true for mocked data: stored rows do not say where documents end."
            "run.json:2:104: data.rampup_batch_size = \"1 1 1\": does not go with mocked data: a stored step has its rows."
        ]
        // Terms of the loss that cannot be.
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 1},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": 2, \"total_steps\": 1},\n  \"loss\": {\"label_smoothing\": 1.5, \"z_loss_coeff\": -1e-4} }",
        [
            "run.json:3:31: loss.label_smoothing = 1.5: must be from 0 to 1."
            "run.json:3:52: loss.z_loss_coeff = -1e-4: must be at least 0."
        ]
        // Addresses that are none, and one that is missing.
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 1},\n  \"data\": {\"train_folder\": \"t\", \"seq_len\": 2, \"total_steps\": 1},\n  \"monitor\": {\"alert\": {\"webhook_address\": \"ftp://x\", \"enable_feishu_alert\": true}, \"prometheus\": {\"port\": 1, \"address\": \"here\"}} }",
        [
            "run.json:3:44: monitor.alert.webhook_address = \"ftp://x\": must be an address that begins with http:// or https://."
            "run.json:3:78: monitor.alert.enable_feishu_alert = true: needs monitor.alert.feishu_alert_address; give the address of the robot's web hook."
            "run.json:3:122: monitor.prometheus.address = \"here\": must be an address of this host; for example 0.0.0.0."
        ]
        // Rules between keys.
        "{ \"model_type\": \"TOY\", \"model\": {\"num_layers\": 1}, \"job_name\": \"a/b\",\n  \"data\": {\"seq_len\": 2, \"total_steps\": 10, \"valid_every\": 5, \"skip_batches\": \"1-\"},\n  \"parallel\": {\"tensor\": 0, \"zero1\": {\"size\": -2}, \"weight\": 4, \"pipeline\": 1},\n  \"lr_scheduler\": {\"init_steps\": 20, \"eta_min\": 1} }",
        [
            "run.json:1:64: job_name = \"a/b\": must consist of letters, digits, '.', '-' and '_', for it names a folder."
            "run.json:2:11: data.train_folder: must be given; name a folder of token files (evo tokenize makes one), or set prepare.source to have them made."
            "run.json:2:60: data.valid_every = 5: needs data.valid_folder; name a folder of token files, or set data.valid_every to 0."
            "run.json:2:79: data.skip_batches = \"1-\": must be a list of batches and ranges; for example \"1-3,7\"."
            "run.json:3:26: parallel.tensor.size = 0: must be at least 1."
            "run.json:3:47: parallel.zero1.size = -2: must be at least 1, or -1 for all data-parallel ranks."
            "run.json:3:62: parallel.weight.size = 4: needs parallel.tensor.mode \"isp\"; in mode mtp every rank holds its own weights; set the mode, or use 1."
            "run.json:4:34: lr_scheduler.init_steps = 20: leaves no room: initial steps and warm-up take 20 of 10 steps."
            "run.json:4:49: lr_scheduler.eta_min = 1: must not be above adam.lr, 0.0001."
        ]
    ]

[<Fact>]
let ``all problems are reported at once, each with its place, what was found, the rule and what would be right``
    ()
    =
    for text, expected in wrong do
        Assert.Equal<string list>(expected, problems text)

[<Fact>]
let ``what was found stands at the place that is named`` () =
    for text, _ in wrong do
        let lines = text.Split '\n'

        match load text with
        | Ok _ -> Assert.Fail "accepted"
        | Error problems ->
            for problem in problems do
                let rest = lines[problem.Place.Line - 1].Substring(problem.Place.Column - 1)
                Assert.StartsWith(problem.Found, rest)

[<Fact>]
let ``a problem of an override names the override`` () =
    let found =
        match Config.load [ family ] [ "data.seqlen=4"; "adam.lr=fast"; "nonsense" ] "run.json" smallest with
        | Ok _ -> []
        | Error problems -> problems |> List.map string

    Assert.Equal<string list>(
        [
            "--set: nonsense: must be written path=value; for example data.seq_len=512."
            "--set data.seqlen: unknown key; did you mean \"seq_len\"?"
            "--set adam.lr: \"fast\": must be a number."
        ],
        found
    )

[<Fact>]
let ``what a family says about its keys stands at the keys`` () =
    let check (run: RunConfig) =
        Assert.Equal(1, run.Model.FamilyKeys.Count)
        [ "model.num_layers", "must be odd"; "model", "is too large" ]

    match Config.loadWith check [ family ] [] "run.json" smallest with
    | Ok _ -> Assert.Fail "accepted"
    | Error problems ->
        Assert.Equal<string list>(
            [
                "run.json:3:12: model: is too large."
                "run.json:3:28: model.num_layers = 2: must be odd."
            ],
            List.map string problems
        )

[<Fact>]
let ``the assembly of a model is known, with its place, before anything else is`` () =
    let text =
        """{ "model_type": 5, "model": { "assembly": "a.dll", }, "nonsense": [ }"""

    let sound = text.Replace("[ }", "[ ] }")

    let assembly overrides text =
        match Json.parse "run.json" text with
        | Ok json -> Config.assembly overrides json
        | Error problem -> raise (ConfigException [ problem ])

    Assert.Equal(
        Some(
            "a.dll",
            {
                Source = "run.json"
                Line = 1
                Column = 43
            }
        ),
        assembly [] sound
    )

    Assert.Equal(
        Some("b.dll", "--set model.assembly"),
        assembly [ "model.assembly=a.dll"; "model.assembly=b.dll" ] sound
        |> Option.map (fun (path, place) -> path, place.Source)
    )

    Assert.Equal(None, assembly [ "model.assembly=null" ] sound)
    Assert.Equal(None, assembly [] smallest)

[<Fact>]
let ``what another program said stands at the end of a problem as it is`` () =
    let check _ =
        [ "model.num_layers", "does not build:\nA.cs(1,2): error\n  all of it" ]

    match Config.loadWith check [ family ] [] "run.json" smallest with
    | Ok _ -> Assert.Fail "accepted"
    | Error problems ->
        Assert.Equal<string list>(
            [
                "run.json:3:28: model.num_layers = 2: does not build:\nA.cs(1,2): error\n  all of it"
            ],
            List.map string problems
        )

[<Fact>]
let ``a change that changes the numbers is told from one that does not`` () =
    let run = loaded smallest
    let saved = run.ToJson()

    let change overrides =
        match Config.load [ family ] overrides "run.json" smallest with
        | Ok run -> List.ofSeq (run.MeaningDifferences saved)
        | Error problems -> raise (ConfigException problems)

    Assert.Empty(
        change
            [
                "job_name=other"
                "train.threads=1"
                "ckpt.checkpoint_every=5"
                "model.checkpoint=1"
                "model.assembly=elsewhere.dll"
            ]
    )

    Assert.Equal<string list>(
        [ "adam.lr: the checkpoint has 0.0001, the configuration has 0.0002" ],
        change [ "adam.lr=2e-4" ]
    )

    // The number of steps counts through the schedule that spans them.
    Assert.Equal<string list>(
        [
            "lr_scheduler.total_steps: the checkpoint has 100, the configuration has 200"
        ],
        change [ "data.total_steps=200" ]
    )

    Assert.Empty(change [ "data.total_steps=200"; "lr_scheduler.total_steps=100" ])

    // How a run is laid out does not change what it computes.
    Assert.Empty(
        change
            [
                "parallel.tensor.size=2"
                "parallel.pipeline.size=2"
                "parallel.pipeline.mode=ZBV"
                "data.micro_num=4"
                "data.rows_per_step=8"
                "model.dtype=bfloat16"
                "hybrid_zero_optimizer.reduce=all_reduce"
                "train.backend=gloo"
            ]
    )

    Assert.Equal<string list>(
        [ "model.rope_base: the checkpoint has its default, the configuration has 5" ],
        change [ "model.rope_base=5" ]
    )

[<Fact>]
let ``a run that was saved before a key was there had its default`` () =
    let run = loaded smallest

    let older =
        run.ToJson().Split '\n'
        |> Array.filter (fun line ->
            not (line.Contains "reduce_comm_dtype" || line.Contains "\"growth_factor\""))
        |> String.concat "\n"

    Assert.NotEqual<string>(run.ToJson(), older)
    Assert.Empty(run.MeaningDifferences older)

    // Documents were cut into rows before there was a choice, which is not the default any more.
    let before =
        run.ToJson().Split '\n'
        |> Array.filter (fun line -> not (line.Contains "\"packing\""))
        |> String.concat "\n"

    Assert.Equal<string list>(
        [ "data.packing: the checkpoint has \"cut\", the configuration has null" ],
        List.ofSeq (run.MeaningDifferences before)
    )

    match Config.load [ family ] [ "grad_scaler.growth_factor=4" ] "run.json" smallest with
    | Ok run ->
        Assert.Equal<string list>(
            [ "grad_scaler.growth_factor: the checkpoint has 2, the configuration has 4" ],
            List.ofSeq (run.MeaningDifferences older)
        )
    | Error problems -> raise (ConfigException problems)

[<Fact>]
let ``rows are packed as InternEvo's where InternEvo's are asked for`` () =
    let packing sets =
        match Config.load [ family ] sets "run.json" smallest with
        | Ok run -> run.Data.RowPacking
        | Error problems -> raise (ConfigException problems)

    Assert.Equal("best_fit", packing [])
    Assert.Equal("cut", packing [ "data.pack_sample_into_one=true" ])
    Assert.Equal("cut", packing [ "data.order=internevo" ])
    Assert.Equal("unpacked", packing [ "data.order=internevo"; "data.packing=unpacked" ])

[<Fact>]
let ``a source of a mixture is a weight, perhaps a name, and a path`` () =
    let read text =
        MixtureSource.TryParse text
        |> Option.map (fun source -> source.Weight, source.Name, source.Path)

    Assert.Equal(Some(0.7m, "en", "en"), read "0.7 en")
    Assert.Equal(Some(3m, "b.bin", "/data/my books/b.bin"), read " 3  /data/my books/b.bin")
    Assert.Equal(Some(1m, "books", "/data/b/"), read "1 books=/data/b/")
    Assert.Equal(None, read "0 en")
    Assert.Equal(None, read "en 0.7")
    Assert.Equal(None, read "0.7")
    Assert.Equal<int64 array>([| 7L; 2L; 1L |], Mixture.Of([ 0.7m; 0.2m; 0.10m ]).Weights)

[<Fact>]
let ``least lengths hold for the files whose path they are part of`` () =
    match LeastLengths.TryParse(5, [ "100 code/"; "20 en" ]) with
    | None -> Assert.Fail "not read"
    | Some least ->
        Assert.Equal<int>([ 100; 20; 5 ], [ "code/en.bin"; "en/a.bin"; "cn/a.bin" ] |> List.map least.For)
