/// What runs on a GPU, where there is one: the law of parity on ranks that share it, recorded figures, and groups over NCCL. With
/// one GPU a group of NCCL has one rank: what several of them sum up, only a machine with several can show.
module Evo.Parallel.Tests.Gpus

open System
open System.IO
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Verification
open Evo.Parallel.Tests.Grids
open Evo.Parallel.Tests.ModelFolders
open Evo.Torch
open Evo.Core
open TorchSharp
open Xunit

let private needGpu () =
    Assert.SkipUnless(torch.cuda.is_available (), "libtorch finds no GPU here")

/// A group of one rank over NCCL, which a world would make the identity.
let private nccl (body: ProcessGroup -> unit) =
    needGpu ()
    Assert.SkipUnless(C10dEngine.HasNccl, "libtorch was found without NCCL here")
    let options = C10dOptions(Engine = RankEngine.Nccl, Device = torch.CUDA)
    use store = C10dStore.InMemory()
    use watch = new RankWatch(0, 1, store, FlightRecord(), options)

    let connect (line: string) onDevice =
        if onDevice then
            C10dEngine.Nccl(store.Under line, 0, 1, options.Timeout)
        else
            C10dEngine.Gloo(store.Under line, 0, 1, null, "127.0.0.1", options.Timeout)

    let group = C10dGroup("data", 0, [| 0 |], connect, watch, options)
    body group
    group.Close(false)

let private at number = Site(number, false)

[<Theory; InlineData("llama2"); InlineData("mixtral"); InlineData("gpt2"); InlineData("internlm2")>]
let ``ranks that share a GPU keep the law of parity`` name =
    needGpu ()
    let small = LayoutVerification.small name
    let law = LayoutLaw(small, Probe = ParityProbe(Device = torch.CUDA))

    let facts =
        { LayoutFacts.Of small with
            Layers = LayoutCase.MostLayers 2
        }

    let report =
        LayoutReport.Run(small.Family.Name, law, LayoutChoice.Of(facts, law, 2, false), fun _ _ -> ())

    Assert.True(report.Passed, report.ToJson().ToJsonString())

[<Theory;
  InlineData("llama2");
  InlineData("mixtral");
  InlineData("gpt2");
  InlineData("internlm2");
  InlineData("baichuan2_13b")>]
let ``recorded figures come out on a GPU`` name =
    needGpu ()

    let report =
        Verifier.Run(
            VerifyOptions(
                Folder = source name,
                GoldenFile = Path.Combine(source name, "golden.safetensors"),
                Device = torch.CUDA
            )
        )

    Assert.True(report.Passed, report.ToText())

[<Fact>]
let ``over NCCL what one rank gives comes back, at once and begun, in every dtype`` () =
    nccl (fun group ->
        for dtype in GroupMeanings.dtypes do
            use here = torch.arange(12L, dtype = torch.float32).reshape(3L, 4L).``to``(dtype)
            let x = here.cuda ()

            let same (result: torch.Tensor) =
                Assert.Equal(DeviceType.CUDA, result.device_type)
                Assert.Equal<byte[]>(bits here, bits (result.cpu ()))

            for call, start in BegunCollectives.pairs do
                call group x |> same
                (start group x: PendingTensor).Wait() |> same

            group.AllToAll(x, 0, 1, at 6) |> same
            group.AllToAllRows(x, [| 3L |], [| 3L |], at 7) |> same

        group.Barrier(at 8))

[<Fact>]
let ``over NCCL a tensor of the processor is refused`` () =
    nccl (fun group ->
        let error =
            Assert.Throws<ArgumentException>(fun () ->
                group.AllReduce(torch.ones 2L, ReduceOperation.Sum, at 1) |> ignore)

        Assert.Contains("a tensor on cpu", error.Message))
