/// Checkpoints as folders: committed by one rename, checked before they are believed.
module Evo.Parallel.Tests.CheckpointStores

open System
open System.Collections.Generic
open System.IO
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Xunit

let manifest step (files: IReadOnlyList<ManifestFile>) : Manifest =
    {
        Version = Manifest.CurrentVersion
        JobName = "test"
        ModelType = "LLAMA2"
        Step = step
        ConsumedTokens = 0L
        InfNanSkipBatches = 0L
        Layout = "1 rank"
        Data =
            {
                Fingerprint = "f"
                Seed = 1L
                SeqLen = 8
                RowTokens = 8
                RowsPerBatch = 1
                Ranks = 1
                NextBatch = step
            }
        Tensors = []
        Files = files
    }

/// Two files whose content is a function of the step.
let content (step: int64) =
    [
        "weights.bin", Array.init 5000 (fun i -> byte (int64 i * 7L + step))
        "state.json", Text.Encoding.UTF8.GetBytes $"{step}"
    ]

let write (folder: string) step =
    for name, bytes in content step do
        File.WriteAllBytes(Path.Combine(folder, name), bytes)

/// Commits the checkpoint of a step, and removes old ones; the folder.
let save (store: ICheckpointStore) (keep: KeepRule) step =
    use draft = store.Draft step
    draft.Begin()
    write draft.Folder step

    let described =
        [
            for name, bytes in content step do
                {
                    Path = name
                    Bytes = bytes.LongLength
                    Sha256 = FileChecksum.Of(Path.Combine(draft.Folder, name))
                }
        ]

    File.WriteAllText(Path.Combine(draft.Folder, Checkpoint.ManifestFile), (manifest step described).ToJson())

    draft.Secure
        [
            for file in described do
                file.Path
            Checkpoint.ManifestFile
        ]

    let path = draft.Commit []

    for old in keep.Removes(step, store.Steps()) do
        store.Remove old

    path

let keepAll = { Last = 0; Every = 0L }

let opened folder =
    let store = CheckpointStore folder
    store.Open()
    store

let private newest (store: CheckpointStore) =
    let refused = ResizeArray<string>()
    let found = Checkpoint.Newest(store, (fun _ reason -> refused.Add reason))
    found, List.ofSeq refused

/// The step of a checkpoint whose files are what was written.
let wholeStep (checkpoint: Checkpoint) =
    use files = checkpoint.Files

    for name, bytes in content checkpoint.Manifest.Step do
        Assert.Equal(bytes.LongLength, (files.Length name).Value)
        let found = Array.zeroCreate<byte> bytes.Length
        files.Read(name, 0L, found.AsSpan())
        Assert.Equal<byte seq>(bytes, found)

    checkpoint.Manifest.Step

[<Fact>]
let ``the newest checkpoint is found, with the content that was written`` () =
    use folder = new TemporaryFolder()
    let store = opened folder.Path

    for step in [ 5L; 10L; 100L ] do
        save store keepAll step |> ignore

    let found, refused = newest store
    Assert.Equal(100L, wholeStep (nonNull found))
    Assert.Empty refused
    Assert.Equal<int64 seq>([ 100L; 10L; 5L ], store.Steps())

[<Fact>]
let ``a folder without checkpoints has no newest one`` () =
    use folder = new TemporaryFolder()
    Assert.Null(opened folder.Path |> newest |> fst)

let private damage (file: string) =
    let bytes = File.ReadAllBytes file
    bytes[bytes.Length / 2] <- bytes[bytes.Length / 2] ^^^ 1uy
    File.WriteAllBytes(file, bytes)

let private cut (file: string) =
    use stream = File.OpenWrite file
    stream.SetLength(stream.Length - 1L)

[<Fact>]
let ``an altered, a shortened, a lengthened and a missing file are refused by name, and the checkpoint before is taken``
    ()
    =
    for harm, word in
        [
            damage, "altered"
            cut, "cut short"
            (fun file -> File.AppendAllText(file, "x")), "altered"
            File.Delete, "missing"
        ] do
        use folder = new TemporaryFolder()
        let store = opened folder.Path
        save store keepAll 1L |> ignore
        let path = save store keepAll 2L
        harm (Path.Combine(path, "weights.bin"))
        let found, refused = newest store
        Assert.Equal(1L, wholeStep (nonNull found))
        let reason = Assert.Single refused
        Assert.Contains("weights.bin", reason)
        Assert.Contains(word, reason)

[<Fact>]
let ``a damaged manifest is refused`` () =
    use folder = new TemporaryFolder()
    let store = opened folder.Path
    let path = save store keepAll 2L
    cut (Path.Combine(path, Checkpoint.ManifestFile))
    File.AppendAllText(Path.Combine(path, Checkpoint.ManifestFile), "!")

    let error =
        Assert.Throws<CheckpointException>(fun () -> Checkpoint.Read path |> ignore)

    Assert.Equal(CheckpointFault.Damaged, error.Fault)
    Assert.Contains(Checkpoint.ManifestFile, error.Message)

[<Fact>]
let ``a folder that is missing and one that was never committed have an error each`` () =
    use folder = new TemporaryFolder()

    let missing =
        Assert.Throws<CheckpointException>(fun () -> Checkpoint.Read(folder.File "7") |> ignore)

    Assert.Equal(CheckpointFault.Missing, missing.Fault)

    let other =
        Assert.Throws<CheckpointException>(fun () -> Checkpoint.Read folder.Path |> ignore)

    Assert.Equal(CheckpointFault.NotCommitted, other.Fault)

[<Fact>]
let ``only the newest are kept where a number is given`` () =
    use folder = new TemporaryFolder()
    let store = opened folder.Path

    for step in 1L .. 5L do
        save store { Last = 2; Every = 0L } step |> ignore

    Assert.Equal<int64 seq>([ 5L; 4L ], store.Steps())
    Assert.Equal(2, Directory.GetDirectories(folder.Path).Length)

[<Fact>]
let ``a checkpoint of the same step replaces a damaged one`` () =
    use folder = new TemporaryFolder()
    let store = opened folder.Path
    let path = save store keepAll 3L
    damage (Path.Combine(path, "weights.bin"))
    save store keepAll 3L |> ignore
    Assert.Equal(3L, wholeStep (Checkpoint.Read path))
    Assert.Single(Directory.GetDirectories folder.Path) |> ignore

[<Fact>]
let ``what a killed process left behind is cleaned, and a checkpoint that was being replaced comes back`` () =
    use folder = new TemporaryFolder()
    let store = opened folder.Path
    save store keepAll 1L |> ignore
    save store keepAll 2L |> ignore
    Directory.Move(folder.File "2", folder.File ".replaced-2")
    Directory.CreateDirectory(folder.File ".staging-3") |> ignore
    File.WriteAllText(folder.File ".staging-3/weights.bin", "half")
    Directory.CreateDirectory(folder.File ".deleting-0") |> ignore
    let again = opened folder.Path
    Assert.Equal<int64 seq>([ 2L; 1L ], again.Steps())
    Assert.Equal(2L, again |> newest |> fst |> nonNull |> wholeStep)

    Assert.Equal(
        2,
        Directory
            .GetDirectories(folder.Path, "*", EnumerationOptions(AttributesToSkip = FileAttributes.None))
            .Length
    )
