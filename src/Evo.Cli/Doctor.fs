/// What this machine has of what Evo needs, what is wrong with it, and how to mend it.
module Evo.Cli.Doctor

open System
open System.IO
open System.Runtime.InteropServices
open Evo.Core
open Evo.Data
open Evo.Parallel
open Evo.Torch

/// How serious a finding is.
type Verdict =
    | Fine
    /// Evo works, more slowly or with something missing.
    | Poor
    /// Evo cannot work.
    | Broken

/// One thing that was looked at.
type Finding =
    {
        Topic: string
        Found: string
        Verdict: Verdict
        /// What to do about it; empty when all is well.
        Mend: string
    }

let private fine topic found =
    {
        Topic = topic
        Found = found
        Verdict = Fine
        Mend = ""
    }

let private poor topic found mend =
    {
        Topic = topic
        Found = found
        Verdict = Poor
        Mend = mend
    }

let private broken topic found mend =
    {
        Topic = topic
        Found = found
        Verdict = Broken
        Mend = mend
    }

/// Looks at one thing; whatever goes wrong is a finding, not an end.
let private look topic mend (act: unit -> Finding list) =
    try
        act ()
    with error ->
        [ broken topic (error.GetBaseException().Message) mend ]

let private runtime () =
    [
        fine "evo" $"{typeof<Finding>.Assembly.GetName().Version}, from {AppContext.BaseDirectory}"
        fine
            ".NET"
            $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}"
    ]

/// The root of the SDK that runs this program, found from the runtime's own folder.
let private sdk () =
    let shared = Path.GetDirectoryName(typeof<obj>.Assembly.Location)

    let root =
        match shared with
        | null -> None
        | folder ->
            match
                Directory.GetParent folder
                |> Option.ofObj
                |> Option.bind (fun p -> Option.ofObj p.Parent)
            with
            | Some shared -> Option.ofObj shared.Parent
            | None -> None

    match root with
    | Some root when Directory.Exists(Path.Combine(root.FullName, "sdk")) ->
        let versions =
            Directory.GetDirectories(Path.Combine(root.FullName, "sdk"))
            |> Array.choose (fun d -> Option.ofObj (Path.GetFileName d))

        let packs = Path.Combine(root.FullName, "packs")

        [
            fine "SDK" $"""{String.Join(", ", Array.sort versions)} in {root.FullName}"""
            if
                Directory.Exists packs
                && Directory.EnumerateFiles(packs, "*.xml", SearchOption.AllDirectories)
                   |> Seq.isEmpty
                   |> not
            then
                fine "SDK documentation" $"in {packs}"
            else
                poor
                    "SDK documentation"
                    $"none in {packs}"
                    "configs/demo.json trains on it: install Microsoft's .NET SDK 10, or use prepare.source \"text\""
        ]
    | _ ->
        [
            poor "SDK" "this program runs without one" "install the .NET SDK 10 to build Evo"
        ]

let private torch () =
    let info = NativeTorch.Info

    [
        fine "libtorch" $"{info.Version}, {info.LoadedFile} (built against {info.Folder})"
        fine "BLAS" $"{info.Blas}; threads: {info.BlasThreading}"
        if info.CoreType <> "" then
            fine "BLAS core type" $"{info.CoreType}: {info.CoreTypeReason}"
        fine "memory" info.Malloc
        if info.Threads > info.Processors then
            poor
                "threads"
                $"{info.Threads} for {info.Processors} processors"
                "unset OMP_NUM_THREADS, or give it the number of processors"
        else
            fine "threads" $"{info.Threads} of {info.Processors} processors"
        fine
            "devices"
            (match info.CudaDevices with
             | 0 -> "CPU only: this libtorch finds no CUDA device"
             | 1 -> "CPU and 1 CUDA device"
             | n -> $"CPU and {n} CUDA devices")
        for warning in info.Warnings do
            poor "libtorch" warning ""
    ]

let private kernels () =
    use a = TorchSharp.torch.randn ([| 64L; 64L |])
    use b = a.matmul a

    if b.isfinite().all().item<bool>() then
        [ fine "a product of matrices" "computed" ]
    else
        [
            broken "a product of matrices" "the result is not finite" "libtorch is damaged; install it again"
        ]

/// The machine's table of matrix products, made now where there is none.
let products () : ProductTable option =
    try
        MachineProducts.Here.Take([||], steady = true) |> Option.ofObj
    with :? TorchException ->
        None

let private choice (table: ProductTable option) =
    match table with
    | None when MatrixProducts.HaveChoice ->
        [
            poor
                "matrix products"
                $"oneDNN for all shapes: what would be measured cannot be kept in {MachineProducts.Here.File}"
                "let the folder be written, or set XDG_CACHE_HOME to another"
        ]
    | None -> [ fine "matrix products" "by libtorch's BLAS: there is nothing to choose" ]
    | Some table when not table.IsSteady ->
        [
            fine
                "matrix products"
                "timings do not agree with themselves: other work kept the machine busy, and oneDNN is taken where they do not; doctor measures again when it is asked again"
        ]
    | Some table ->
        let counts = table.Ways.Values |> Seq.countBy id |> Map.ofSeq

        let count way =
            Map.tryFind way counts |> Option.defaultValue 0

        let divided =
            [
                ProductWay.OneDnnRows
                ProductWay.OneDnnColumns
                ProductWay.OneDnnHalfRows
                ProductWay.BlasRows
            ]
            |> List.sumBy count

        [
            fine
                "matrix products"
                $"of {table.Timings.Count} measured shapes {count ProductWay.OneDnn} by oneDNN, {count ProductWay.Blas} by the BLAS, {divided} divided before by rows or columns; remove {MachineProducts.Here.File} to have them measured again"
        ]

let private tokenizer () =
    let lines =
        [
            for i in 0..400 -> $"the number of items is {i * 37 % 101}, and the next one is {i}"
        ]

    let settings = SentencePieceOptions(VocabSize = 320)
    let folder = Directory.CreateTempSubdirectory "evo-doctor"

    try
        let model =
            SentencePieceTrainer.Train(settings, lines, Path.Combine(folder.FullName, "t"))

        use tokenizer = SentencePieceTokenizer.Load model
        let ids = tokenizer.EncodeToIds lines[0]

        if tokenizer.Decode ids = lines[0] then
            [ fine "tokenizer library" "sentencepiece trains, encodes and decodes" ]
        else
            [
                broken
                    "tokenizer library"
                    "text does not survive encoding"
                    "install libsentencepiece-dev again and rebuild"
            ]
    finally
        folder.Delete true

let private disk () =
    let here = Directory.GetCurrentDirectory()
    let drive = DriveInfo here
    let free = drive.AvailableFreeSpace

    [
        if free < 1_000_000_000L then
            poor
                "disk"
                $"{Terminal.bytes free} free in {here}"
                "a run of the demo needs about 1 GB; free some space"
        else
            fine "disk" $"{Terminal.bytes free} free in {here}"
        let probe = Path.Combine(here, $".evo-doctor-{Environment.ProcessId}")

        try
            File.WriteAllText(probe, "")
            File.Delete probe
        with
        | :? UnauthorizedAccessException
        | :? IOException ->
            poor
                "disk"
                $"no permission to write in {here}"
                "runs write into the working directory: change to one of your own"
    ]

/// Everything that was looked at.
let findings (table: ProductTable option) : Finding list =
    runtime ()
    @ look "SDK" "" sdk
    @ look "libtorch" "install libtorch-dev (or set EVO_LIBTORCH to a libtorch folder) and build again" torch
    @ look "a product of matrices" "see the finding above" kernels
    @ look "matrix products" "see the finding above" (fun () -> choice table)
    @ look "tokenizer library" "install libsentencepiece-dev and build again" tokenizer
    @ look "disk" "" disk
