/// What we emit for models, and the operators that it calls, are TorchSharp programs, too.
module Evo.Torch.Tests.Reference.Models

open System.IO
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Xunit
open TorchSharp
open Compiling

let private root =
    lazy
        (Directory.GetParent(Evo.Torch.Tests.Golden.folder.Value)
         |> nonNull
         |> _.Parent
         |> nonNull
         |> _.FullName)

let private file (path: string) =
    let full = Path.Combine(root.Value, path)
    path, File.ReadAllText full

/// The operators of ours that emitted code calls, with their plain forms.
let private operators () =
    [
        file "src/Evo.Torch/Ops.cs"
        file "src/Evo.Torch/Ops.Plain.cs"
        file "src/Evo.Torch/Ops.Fused.cs"
        file "src/Evo.Torch/Ops.Experts.cs"
        file "src/Evo.Torch/Ops.ExpertRows.cs"
        file "src/Evo.Torch/RandomKey.cs"
        file "src/Evo.Torch/RandomWords.cs"
        file "src/Evo.Torch/DropoutMask.cs"
        file "src/Evo.Torch/SentBorders.cs"
        "usings.cs", implicitUsings
    ]

let private models () =
    Directory.GetFiles(Path.Combine(root.Value, "src", "Evo.Models"), "*.cs", SearchOption.AllDirectories)
    |> Array.map (fun path -> path, File.ReadAllText path)
    |> List.ofArray

let private core =
    lazy
        [
            referenceFile typeof<Evo.Core.DType>.Assembly.Location
            referenceFile typeof<list<int>>.Assembly.Location
        ]

/// What is not emitted but asked for by the modules' base class: it differentiates by functions of ours, keeps what kernels of ours
/// gave, or sends to a device. Here it only has to have its name.
let private baseOnly =
    "base.cs",
    "namespace Evo.Torch
     {
         using static TorchSharp.torch;
         public static class Recompute { public static Tensor[] Run(Func<Tensor[], Tensor[]> f, params Tensor[] inputs) => f(inputs); }
         public static class HostBuffer { public static void SendInto(Tensor host, Tensor there) => there.copy_(host); }
         public sealed class KeptAttention
         {
             public static bool Takes(bool onGpu, ScalarType type, long headSize) => onGpu;
             public Tensor Attend(Tensor q, Tensor k, Tensor v, double scale, Tensor? cuSeqlens = null, DropoutMask? dropout = null, long window = 0, Tensor? alibiSlopes = null, SentBorders? sent = null) => q;
         }
     }
     namespace Evo.Models
     {
         using static TorchSharp.torch;
         internal static class BlockGate
         {
             public static Tensor Input(BlockEvents? events, int block, Tensor x) => x;
             public static Tensor[] Outputs(BlockEvents? events, int block, Tensor[] outputs) => outputs;
         }
     }"

/// Groups of ranks: what of them is TorchSharp, and in name only what differentiates by functions and kernels of ours.
let private groups () =
    [
        for name in
            [
                "ProcessGroup"
                "PendingTensor"
                "GroupOfOne"
                "Shards"
                "VocabularyParallel"
                "ExpertParallel"
            ] do
            file $"src/Evo.Torch/Groups/{name}.cs"

        "groups.cs",
        "namespace Evo.Torch; using static TorchSharp.torch;
         public static class Collective
         {
             public static Tensor Copy(ProcessGroup group, Tensor x, int site) => x;
             public static Tensor Reduce(ProcessGroup group, Tensor x, int site) => x;
             public static Tensor ReduceReplicated(ProcessGroup group, Tensor x, int site) => x;
             public static Tensor Settle(ProcessGroup group, Tensor x, int site) => x;
             public static Tensor Gather(ProcessGroup group, Tensor x, int dim, int site) => x;
             public static Tensor GatherInvariant(ProcessGroup group, Tensor x, int dim, int site) => x;
             public static Tensor ReduceScatter(ProcessGroup group, Tensor x, int dim, int site) => x;
             public static Tensor Split(ProcessGroup group, Tensor x, int dim, int site) => x;
             public static Tensor SplitReplicated(ProcessGroup group, Tensor x, int dim, int site) => x;
             public static Tensor Pad(ProcessGroup group, Tensor x, int dim, long length, int site) => x;
             public static Tensor Exchange(ProcessGroup group, Tensor x, int splitDim, int concatDim, int site) => x;
             public static Tensor ExchangeRows(ProcessGroup group, Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, int site) => x;
             public static Tensor GatherLinear(ProcessGroup group, Tensor x, int dim, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases, int site) => x;
         }
         public static partial class VocabularyParallel
         {
             public static (Tensor lossSum, Tensor count, Tensor right, Tensor zSum) LinearCrossEntropy(ProcessGroup group, Tensor hidden, Tensor weightShard, Tensor labels, long vocabulary, double labelSmoothing, double zLoss, int site) => (hidden, labels, labels, hidden);
         }"
    ]

/// The models with what the generator makes of them, and the names of what it made.
let private emitted (sources: (string * string) list) (references: MetadataReference list) =
    let compilation = compilation "Evo.Models" sources references

    let driver =
        CSharpGeneratorDriver.Create([| Evo.Generators.Spec.SpecGenerator().AsSourceGenerator() |])

    let mutable output = compilation :> Compilation
    let mutable diagnostics = Unchecked.defaultof<_>

    let run =
        driver.RunGeneratorsAndUpdateCompilation(compilation, &output, &diagnostics)

    let names =
        [
            for result in run.GetRunResult().Results do
                for source in result.GeneratedSources -> source.HintName
        ]

    emit output, names

let private none result =
    match result with
    | Ok(_: byte[]) -> ()
    | Error(errors: string list) -> Assert.Fail(errors |> List.truncate 20 |> String.concat "\n")

[<Fact>]
let ``the operators' plain forms compile against TorchSharp's signatures`` () =
    compile "Ops" (operators ()) (torchSharp.Value :: core.Value) |> none

[<Fact>]
let ``the emitted modules of all modes compile against TorchSharp's signatures`` () =
    let result, names =
        emitted
            (baseOnly :: operators ()
             @ groups ()
             @ (models ()
                |> List.filter (fun (path, _) -> Path.GetFileName path <> "BlockGate.cs")))
            (torchSharp.Value :: core.Value)

    none result

    for model in [ "Llama2"; "InternLM2"; "Gpt2" ] do
        Assert.Contains(names, (fun n -> n.EndsWith $"{model}.g.cs"))
        Assert.Contains(names, (fun n -> n.EndsWith $"{model}Layer.g.cs"))

[<Fact>]
let ``the same text compiles against Evo.Torch`` () =
    let evo = referenceFile typeof<torch>.Assembly.Location

    let result, _ =
        emitted (("usings.cs", implicitUsings) :: models ()) (evo :: core.Value)

    none result
