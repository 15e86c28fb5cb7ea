/// Runs whose checkpoints are in an object store: a small one that fails, and a real one.
module Evo.Cli.Tests.ObjectStoreTests

open System
open System.IO
open Amazon.Runtime
open Amazon.S3
open Evo.Parallel
open Xunit
open Evo.Cli.Tests.Command
open Evo.Parallel.Tests.ObjectServers
open Evo.Parallel.Tests.RunningPrograms

/// A run on some ranks that saves at `s3://bucket/small`, is stopped after 7 updates, and goes on from there with another disk.
let private savesAndGoesOn (ranks: int) (store: (string * string) list) =
    let spread = if ranks > 1 then [ "--nproc"; string ranks ] else []
    use unbroken = TrainTests.world ()

    let whole = runIn unbroken.Path ([ "train"; "run.json" ] @ spread)
    Assert.True((whole.Code = 0), whole.Errors)

    let run (folder: Folder) = runWhere store folder.Path

    let train steps =
        [
            "train"
            "run.json"
            "--set"
            "ckpt.save_ckpt_folder=s3://bucket/small"
            "--set"
            "ckpt.checkpoint_every=3"
            "--set"
            $"data.total_steps={steps}"
            "--set"
            "lr_scheduler.total_steps=12"
        ]
        @ spread

    use first = TrainTests.world ()
    let begun = run first (train 7)
    Assert.True((begun.Code = 0), begun.Errors)
    Assert.False(Directory.Exists(first.File "runs/small/checkpoints"))
    // Another machine: nothing of the first one's disk is there.
    use second = TrainTests.world ()
    let ended = run second (train 12)
    Assert.True((ended.Code = 0), ended.Errors)
    Assert.Contains("s3://bucket/small/7", ended.Output + ended.Errors)
    let listed = run second [ "checkpoint"; "list"; "s3://bucket/small" ]

    for step in [ 12; 9; 7; 6; 3 ] do
        Assert.Contains($"s3://bucket/small/{step}", listed.Output)

    Assert.Equal(0, (run second [ "checkpoint"; "verify"; "s3://bucket/small" ]).Code)

    let fetched =
        run second [ "checkpoint"; "fetch"; "s3://bucket/small/12"; "--out"; "last" ]

    Assert.True((fetched.Code = 0), fetched.Errors)

    let tensors =
        Directory.GetFiles(unbroken.File "runs/small/checkpoints/12", "*.safetensors")

    Assert.True(tensors.Length > ranks)

    for file in tensors do
        let name = nonNull (Path.GetFileName file)

        Assert.Equal<byte seq>(
            File.ReadAllBytes file,
            File.ReadAllBytes(second.File(Path.Combine("last", name)))
        )

    let pruned = run second [ "checkpoint"; "prune"; "s3://bucket/small"; "--yes" ]
    Assert.Contains("removed s3://bucket/small/9", pruned.Output)
    let left = run second [ "checkpoint"; "list"; "s3://bucket/small" ]
    Assert.Contains("s3://bucket/small/12", left.Output)
    Assert.DoesNotContain("s3://bucket/small/9", left.Output)

    let refused =
        run second [ "checkpoint"; "convert"; "s3://bucket/small/12"; "--out"; "hf" ]

    Assert.Equal(4, refused.Code)
    Assert.Contains("evo checkpoint fetch", refused.Errors)

/// The same where one of so many requests is refused for the moment: each time the client waits half a second and more.
let private savesThough (every: int) (ranks: int) =
    use server =
        new TestServer(fun request -> if request % every = 2 then Some Busy else None)

    savesAndGoesOn
        ranks
        [
            "AWS_ENDPOINT_URL", server.Endpoint
            "AWS_ACCESS_KEY_ID", "key"
            "AWS_SECRET_ACCESS_KEY", "secret"
        ]

    Assert.DoesNotContain(server.Objects.Keys, (fun key -> key.StartsWith "small/9"))

[<Theory; InlineData(1); InlineData(2)>]
let ``a run saves into an object store that fails every eighth request, goes on from it elsewhere, and ends in the same bits``
    (ranks: int)
    =
    savesThough 8 ranks

[<Theory; InlineData(1); InlineData(2); Trait("Category", "Full")>]
let ``a run saves into an object store that fails every third request, goes on from it elsewhere, and ends in the same bits``
    (ranks: int)
    =
    savesThough 3 ranks

/// Ceph's object gateway on this machine, empty, until it is disposed.
type private Gateway() =
    let folder = new Folder()
    let ending = folder.File "end"

    let program =
        new Program(
            [
                script "s3-here"
                "sh"
                "-c"
                $"env | grep ^AWS_; echo it is up; until [ -e {ending} ]; do sleep 0.2; done"
            ],
            []
        )

    do
        try
            program.Await("it is up", 300.0) |> ignore
        with _ when program.End 60.0 = 69 ->
            Assert.Skip program.Text

    /// What programs that want to reach it find in their environment.
    member _.Variables =
        [
            for line in program.Lines do
                match line.Text.Split('=', 2) with
                | [| name; value |] when name.StartsWith "AWS_" -> name, value
                | _ -> ()
        ]

    interface IDisposable with
        member _.Dispose() =
            folder.Write("end", "") |> ignore
            program.End 60.0 |> ignore
            (program :> IDisposable).Dispose()
            (folder :> IDisposable).Dispose()

[<Fact; Trait("Category", "Machine")>]
let ``two ranks save into Ceph's object gateway, go on from it elsewhere, and end in the same bits`` () =
    use gateway = new Gateway()
    let told = Map gateway.Variables

    let keys =
        BasicAWSCredentials(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"])

    use client =
        new AmazonS3Client(
            keys,
            AmazonS3Config(
                ServiceURL = told["AWS_ENDPOINT_URL"],
                AuthenticationRegion = told["AWS_REGION"],
                ForcePathStyle = true
            )
        )

    client.PutBucketAsync("bucket").GetAwaiter().GetResult() |> ignore
    savesAndGoesOn 2 gateway.Variables
    // And a file that goes in parts.

    let store: ICheckpointStore =
        ObjectStore(ObjectServer(told["AWS_ENDPOINT_URL"], keys), ObjectAddress.Parse "s3://bucket/large")

    let bytes = Array.zeroCreate<byte> 40_000_007
    (Random 3).NextBytes bytes
    store.Open()
    use draft = store.Draft 1L
    draft.Begin()
    File.WriteAllBytes(Path.Combine(draft.Folder, "large.bin"), bytes)
    draft.Secure [ "large.bin" ]
    draft.Commit [] |> ignore
    use files = store.Files 1L

    for length in [ 1; 9_000_000; bytes.Length ] do
        let offset = bytes.Length - length
        let found = Array.zeroCreate<byte> length
        files.Read("large.bin", int64 offset, found.AsSpan())
        Assert.True(found.AsSpan().SequenceEqual(bytes.AsSpan offset))
