namespace Evo.Core

open System

/// The rules between the keys of `data`.
module internal DataRules =

    let private places (run: RunConfig) =
        let prepared = run.Prepare.Source <> "none"
        let data = run.Data

        [
            match data.Type with
            | "dummy" ->
                if not (isNull data.TrainFolder) then
                    broken
                        "data.train_folder"
                        [ "data.type" ]
                        "is not read: dummy data is made up"
                        "take it out"
            | _ when isNull data.TrainFolder && not prepared ->
                broken
                    "data.train_folder"
                    [ "prepare.source"; "data.type" ]
                    "must be given"
                    "name a folder of token files (evo tokenize makes one), or set prepare.source to have them made"
            | _ -> ()
            if prepared && data.Type <> "tokenized" then
                broken
                    "data.type"
                    [ "prepare.source" ]
                    "must be \"tokenized\" where prepare makes the data"
                    "take it out, or take prepare.source out"
            elif data.Type = "streaming" && isNull data.TokenizerPath then
                broken "data.tokenizer_path" [ "data.type" ] "must be given for streaming data" ""
            if data.ValidEvery > 0L && isNull data.ValidFolder && not prepared then
                broken
                    "data.valid_every"
                    [ "data.valid_folder"; "prepare.source" ]
                    "needs data.valid_folder"
                    "name a folder of token files, or set data.valid_every to 0"
            if
                data.ValidEvery > 0L
                && isNull data.ValidFolder
                && prepared
                && run.Prepare.HeldOut = 0.0
            then
                broken
                    "prepare.held_out"
                    [ "data.valid_every"; "data.valid_folder" ]
                    "leaves nothing to validate on, though data.valid_every is set"
                    "use for example 0.01"
        ]

    let private mixture (data: DataConfig) =
        let sources = data.Mixture |> List.map MixtureSource.TryParse

        [
            if not data.Mixture.IsEmpty then
                if data.Type <> "tokenized" && data.Type <> "megatron" then
                    broken "data.mixture" [ "data.type" ] $"does not go with data.type \"{data.Type}\"" ""
                elif List.contains None sources then
                    let wrong = data.Mixture[List.findIndex Option.isNone sources]

                    broken
                        "data.mixture"
                        []
                        $"holds \"{wrong}\"; each source is a weight above 0 and a path"
                        "for example [\"0.7 en\", \"0.3 books=/data/b\"]"
                else
                    let sources = List.choose id sources

                    match sources |> List.countBy _.Name |> List.tryFind (fun (_, count) -> count > 1) with
                    | Some(name, _) ->
                        broken
                            "data.mixture"
                            []
                            $"has two sources named {name}"
                            "write name=path for one of them"
                    | None ->
                        try
                            Mixture.Of(sources |> List.map _.Weight) |> ignore
                        with :? ArgumentException as error ->
                            broken "data.mixture" [] $"cannot be kept to exactly: {error.Message}" ""
        ]

    let private rows (data: DataConfig) =
        let packing = data.RowPacking
        let others = [ "data.packing"; "data.pack_sample_into_one"; "data.type" ]

        [
            if int64 data.SeqLen * int64 data.MicroBsz > int64 Int32.MaxValue / 8L then
                broken
                    "data.micro_bsz"
                    [ "data.seq_len" ]
                    $"makes rows of {int64 data.SeqLen * int64 data.MicroBsz} tokens (seq_len x micro_bsz)"
                    "use a smaller one, and more micro-batches (data.micro_num)"
            if data.PackSampleIntoOne && packing <> "cut" then
                broken
                    "data.packing"
                    others
                    "keeps documents apart, and data.pack_sample_into_one is true"
                    "use \"cut\", or set pack_sample_into_one to false"
            if data.Order = "internevo" then
                if packing = "best_fit" then
                    broken
                        "data.packing"
                        ("data.order" :: others)
                        "InternEvo does not pack so"
                        "use \"cut\" or \"unpacked\""

                if not data.Mixture.IsEmpty then
                    broken
                        "data.mixture"
                        [ "data.order" ]
                        "InternEvo has none; data.order is \"internevo\""
                        ""

                if data.Type = "streaming" || data.Type = "mocked" then
                    broken
                        "data.order"
                        [ "data.type" ]
                        $"does not go with data.type \"{data.Type}\""
                        "take it out"
            if data.Type = "mocked" && not data.PackSampleIntoOne then
                broken
                    "data.pack_sample_into_one"
                    others
                    "must be true for mocked data: stored rows do not say where documents end"
                    ""
            if data.Type = "mocked" && data.RampupBatchSize.Trim() <> "" then
                broken
                    "data.rampup_batch_size"
                    others
                    "does not go with mocked data: a stored step has its rows"
                    ""
            if LeastLengths.TryParse(data.MinLength, data.MinLengths).IsNone then
                broken
                    "data.min_lengths"
                    []
                    "must hold a number and a part of a path each"
                    "for example [\"100 code/\"]"
            if SkippedBatches.TryParse(data.SkipBatches).IsNone then
                broken "data.skip_batches" [] "must be a list of batches and ranges" "for example \"1-3,7\""
        ]

    let check (run: RunConfig) : BrokenRule list =
        places run @ mixture run.Data @ rows run.Data
