namespace Evo.Core

open System
open System.Collections.Generic
open System.Globalization

/// One file of a checkpoint, as it was when the checkpoint was committed.
type ManifestFile =
    {
        /// Path inside the checkpoint's folder, with `/`.
        Path: string
        Bytes: int64
        /// SHA-256 of the content, in lower-case hexadecimal digits.
        Sha256: string
    }

/// One logical tensor of a checkpoint: a parameter, or optimizer state of one, by its global name and full shape.
type ManifestTensor =
    {
        Name: string
        Shape: IReadOnlyList<int64>
        /// safetensors' name of the element type, such as `F32`.
        DType: string
        /// Path of the file that holds it.
        File: string
    }

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
        /// The next batch to read.
        NextBatch: int64
    }

/// What a checkpoint is: enough to know whether it is whole, whose it is, and where the run goes on.
type Manifest =
    {
        /// The layout's version; this one is 1.
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
        Data: DataPosition
        Tensors: IReadOnlyList<ManifestTensor>
        Files: IReadOnlyList<ManifestFile>
    }

    static member CurrentVersion = 1

    /// Indented JSON, with a newline at the end.
    member manifest.ToJson() =
        let text (value: string) = Json.make (JString value)

        let whole (value: int64) =
            Json.make (JNumber(value.ToString CultureInfo.InvariantCulture))

        let list (items: Json seq) = Json.make (JArray(List.ofSeq items))
        let data = manifest.Data

        let json =
            Json.makeObject
                [
                    "version", whole (int64 manifest.Version)
                    "job_name", text manifest.JobName
                    "model_type", text manifest.ModelType
                    "step", whole manifest.Step
                    "num_consumed_tokens", whole manifest.ConsumedTokens
                    "inf_nan_skip_batches", whole manifest.InfNanSkipBatches
                    "data",
                    Json.makeObject
                        [
                            "fingerprint", text data.Fingerprint
                            "seed", whole data.Seed
                            "seq_len", whole (int64 data.SeqLen)
                            "row_tokens", whole (int64 data.RowTokens)
                            "rows_per_batch", whole (int64 data.RowsPerBatch)
                            "next_batch", whole data.NextBatch
                        ]
                    "files",
                    list
                        [
                            for file in manifest.Files ->
                                Json.makeObject
                                    [
                                        "path", text file.Path
                                        "bytes", whole file.Bytes
                                        "sha256", text file.Sha256
                                    ]
                        ]
                    "tensors",
                    list
                        [
                            for tensor in manifest.Tensors ->
                                Json.makeObject
                                    [
                                        "name", text tensor.Name
                                        "shape", list (Seq.map whole tensor.Shape)
                                        "dtype", text tensor.DType
                                        "file", text tensor.File
                                    ]
                        ]
                ]

        Json.render json + "\n"

    /// Reads what `ToJson` writes. Anything else throws a `FormatException` that names `source`, the place and the rule.
    static member Parse(source: string, json: string) : Manifest =
        let refuse (place: Place) (what: string) : 'a =
            raise (FormatException $"{place}: {what}")

        let find name (json: Json) =
            match Json.tryFind name json with
            | Some value -> value
            | None -> refuse json.At $"this is no manifest of a checkpoint: \"{name}\" is missing"

        let text name json =
            match find name json with
            | { Value = JString value } -> value
            | { At = place } -> refuse place $"\"{name}\" must be a text"

        let number (json: Json) =
            match json.Value with
            | JNumber digits ->
                match Int64.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
                | true, value -> value
                | _ -> refuse json.At $"{digits} must be a whole number"
            | _ -> refuse json.At "must be a whole number"

        let whole name json = number (find name json)

        let list name json =
            match find name json with
            | { Value = JArray items } -> items
            | { At = place } -> refuse place $"\"{name}\" must be a list"

        match Json.parse source json with
        | Error problem -> raise (FormatException(string problem))
        | Ok json ->
            let version = int (whole "version" json)

            if version <> Manifest.CurrentVersion then
                refuse
                    (find "version" json).At
                    $"the checkpoint has layout version {version}; this Evo reads version {Manifest.CurrentVersion}"

            let data = find "data" json

            {
                Version = version
                JobName = text "job_name" json
                ModelType = text "model_type" json
                Step = whole "step" json
                ConsumedTokens = whole "num_consumed_tokens" json
                InfNanSkipBatches = whole "inf_nan_skip_batches" json
                Data =
                    {
                        Fingerprint = text "fingerprint" data
                        Seed = whole "seed" data
                        SeqLen = int (whole "seq_len" data)
                        RowTokens = int (whole "row_tokens" data)
                        RowsPerBatch = int (whole "rows_per_batch" data)
                        NextBatch = whole "next_batch" data
                    }
                Files =
                    [
                        for file in list "files" json ->
                            {
                                Path = text "path" file
                                Bytes = whole "bytes" file
                                Sha256 = text "sha256" file
                            }
                    ]
                Tensors =
                    [
                        for tensor in list "tensors" json ->
                            {
                                ManifestTensor.Name = text "name" tensor
                                Shape = [ for size in list "shape" tensor -> number size ]
                                DType = text "dtype" tensor
                                File = text "file" tensor
                            }
                    ]
            }
