namespace Evo.Core

open System.Collections.Generic
open ManifestJson

/// Where a run stands in its data.
type DataPosition =
    {
        /// What identifies the token files: their paths, sizes and content.
        Fingerprint: string
        /// The run's seed, which gives the order.
        Seed: int64
        SeqLen: int
        /// Tokens in a row.
        RowTokens: int
        /// Rows in a batch, over all ranks.
        RowsPerBatch: int
        /// Ranks that share the rows of a batch.
        Ranks: int
        /// The next batch to read.
        NextBatch: int64
    }

/// What a checkpoint is: enough to know whether it is whole, whose it is, and where the run goes on.
type Manifest =
    {
        /// The format's version: 2. In version 1 one rank wrote everything, each tensor whole.
        Version: int
        JobName: string
        /// The family, such as `INTERNLM2`.
        ModelType: string
        /// Successful optimizer steps.
        Step: int64
        /// Tokens of those steps.
        ConsumedTokens: int64
        /// Steps skipped because a gradient was not finite.
        InfNanSkipBatches: int64
        /// How the run was spread over its ranks, for a person; empty in version 1.
        Layout: string
        Data: DataPosition
        Tensors: IReadOnlyList<ManifestTensor>
        Files: IReadOnlyList<ManifestFile>
    }

    static member CurrentVersion = 2

    /// Indented JSON, with a newline at the end.
    member manifest.ToJson() =
        let data = manifest.Data

        let part =
            {
                Tensors = manifest.Tensors
                Files = manifest.Files
            }

        Json.render (
            Json.makeObject (
                [
                    "version", whole (int64 manifest.Version)
                    "job_name", text manifest.JobName
                    "model_type", text manifest.ModelType
                    "step", whole manifest.Step
                    "num_consumed_tokens", whole manifest.ConsumedTokens
                    "inf_nan_skip_batches", whole manifest.InfNanSkipBatches
                    "layout", text manifest.Layout
                    "data",
                    Json.makeObject
                        [
                            "fingerprint", text data.Fingerprint
                            "seed", whole data.Seed
                            "seq_len", whole (int64 data.SeqLen)
                            "row_tokens", whole (int64 data.RowTokens)
                            "rows_per_batch", whole (int64 data.RowsPerBatch)
                            "ranks", whole (int64 data.Ranks)
                            "next_batch", whole data.NextBatch
                        ]
                ]
                @ part.Members
            )
        )
        + "\n"

    /// What is wrong with it in itself, in words: names given twice, files that are not listed or lead out of the folder,
    /// tensors of which an element is missing or held twice. None for every manifest that was committed.
    member manifest.Problems: string list =
        let twice kind (names: string seq) =
            names
            |> Seq.countBy id
            |> Seq.filter (fun (_, count) -> count > 1)
            |> Seq.map (fun (name, _) -> $"{kind} {name} is listed twice")

        let leadsOut (path: string) =
            path = "" || path.StartsWith '/' || Array.contains ".." (path.Split '/')

        let files = manifest.Files |> Seq.map _.Path |> HashSet

        [
            yield! manifest.Files |> Seq.map _.Path |> twice "file"
            yield! manifest.Tensors |> Seq.map _.Name |> twice "tensor"

            for file in manifest.Files do
                if leadsOut file.Path then
                    $"file \"{file.Path}\" is no file of the checkpoint's folder"

            for tensor in manifest.Tensors do
                for file in tensor.Pieces |> Seq.map _.File |> Seq.distinct do
                    if not (files.Contains file) then
                        $"{tensor.Name} lies in {file}, which is not among the files"

                for problem in Coverage.Problems(tensor.Shape, tensor.Pieces) do
                    $"{tensor.Name}: {problem}"
        ]

    /// Reads what `ToJson` writes, and what version 1 wrote. Anything else throws a `FormatException` that names `source`,
    /// the place and the rule.
    static member Parse(source: string, json: string) : Manifest =
        let json = parse source json
        let version = wholeOf "version" json

        if version <> 1L && version <> int64 Manifest.CurrentVersion then
            refuse
                (find "version" json).At
                $"the checkpoint's format has version {version}; this Evo reads versions 1 and {Manifest.CurrentVersion}"

        let first = version = 1L
        let data = find "data" json
        let part = ManifestPart.Read(json, version)

        {
            Version = int version
            JobName = textOf "job_name" json
            ModelType = textOf "model_type" json
            Step = wholeOf "step" json
            ConsumedTokens = wholeOf "num_consumed_tokens" json
            InfNanSkipBatches = wholeOf "inf_nan_skip_batches" json
            Layout = if first then "" else textOf "layout" json
            Data =
                {
                    Fingerprint = textOf "fingerprint" data
                    Seed = wholeOf "seed" data
                    SeqLen = int (wholeOf "seq_len" data)
                    RowTokens = int (wholeOf "row_tokens" data)
                    RowsPerBatch = int (wholeOf "rows_per_batch" data)
                    Ranks = if first then 1 else int (wholeOf "ranks" data)
                    NextBatch = wholeOf "next_batch" data
                }
            Tensors = part.Tensors
            Files = part.Files
        }
