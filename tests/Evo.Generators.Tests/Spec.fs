/// A small spec of no known family, and the compiler to run the generator in.
module Evo.Generators.Tests.Spec

open System
open System.IO
open System.Runtime.CompilerServices
open System.Threading
open Evo.Generators.Spec
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Xunit

/// What most tests compile: every kind of part once, a choice, a tied head, a bias by condition.
let tiny =
    """using static Evo.Models.Functions;
using Evo.Models;
using Tensor = TorchSharp.torch.Tensor;

namespace Stranger;

/// <summary>A small model of no known family.</summary>
[Model("TINY", HuggingFace = "TinyForCausalLM", ModelType = "tiny", InitStd = nameof(Std))]
[Divides(nameof(Heads), nameof(Width), Because = "a head's share")]
[HfOnly("parallel_residual", false, Because = "the branches stand one after the other")]
[HfNeutral("motto")]
public sealed partial record Tiny : CausalLM
{
    /// <summary>Entries of the vocabulary.</summary>
    [Hf("vocab_size"), RunKey("vocab_size", Required = true)] public int Words { get; init; } = 40;
    /// <summary>Width of the residual stream.</summary>
    [Hf("hidden_size"), RunKey("hidden_size", Required = true)] public int Width { get; init; } = 16;
    [Hf("layers"), RunKey("num_layers")] public int Depth { get; init; } = 2;
    [Hf("heads"), RunKey("num_attention_heads")] public int Heads { get; init; } = 4;
    [Hf("inner"), RunKey("intermediate_size"), Ratio("mlp_ratio", nameof(Width), "multiple_of", 4)] public int Inner { get; init; } = 24;
    [Hf("tied")] public bool IsTied { get; init; }
    [Hf("bias")] public bool HasBias { get; init; } = true;
    [Hf("gated")] public bool GatedMlp { get; init; } = true;
    [Hf("act"), OneOf("silu", "relu")] public string Act { get; init; } = "silu";
    [Hf("eps")] public double Eps { get; init; } = 1e-5;
    [Hf("theta")] public double Theta { get; init; } = 100;
    [Hf("rope_scaling")] public RopeScaling? Stretch { get; init; }
    [Hf("max_positions"), RunKey("max_position_embeddings")] public int? Longest { get; init; }
    [Hf("dropout")] public double Drops { get; init; }
    [Hf("std")] public double Std { get; init; } = 0.1;

    internal int HeadSize => Width / Heads;
    internal int Most => Longest ?? 64;

    [Embedding(nameof(Words), nameof(Width))] [Hf("words")] private partial Tensor Look(Tensor ids);
    [Layers(typeof(TinyLayer), nameof(Depth))] [Hf("h.{layer}")] private partial Tensor Blocks(Tensor x, Positions at);
    [LayerNorm(nameof(Width), nameof(Eps))] [Hf("closing")] private partial Tensor Last(Tensor x);
    [Head(nameof(Width), nameof(Words), TiedTo = nameof(Look), Tied = nameof(IsTied))] [Hf("readout")] private partial Tensor Out(Tensor x);

    public Tensor Forward(Tensor ids, Positions at) => Last(Blocks(Look(ids), at));
}

public sealed partial record TinyLayer(Tiny M, int Number)
{
    [RmsNorm("Width", "Eps")] [Hf("pre")] private partial Tensor Calm(Tensor x);
    [Column("Width", "Heads", "HeadSize", Bias = "HasBias")] [Hf("to_q")] private partial Tensor Wish(Tensor x);
    [Column("Width", "Heads", "HeadSize")] [Hf("to_k")] private partial Tensor Sign(Tensor x);
    [Column("Width", "Heads", "HeadSize")] [Hf("to_v")] private partial Tensor Content(Tensor x);
    [Rope("HeadSize", "Theta", Scaling = "Stretch", MaxPositions = "Most")] private partial Tensor Turn(Tensor x, Positions at);
    [Attention("Heads", "Heads", "HeadSize", Dropout = "Drops")] private partial Tensor Heed(Tensor q, Tensor k, Tensor v, Positions at);
    [Row("Heads * HeadSize", "Width", Bias = "true", Init = "Std / Sqrt(2 * (Number + 1))")] [Hf("from_o", Transposed = true)] private partial Tensor Back(Tensor x);
    [Column("Width", "Inner")] [Hf("wide_a")] private partial Tensor Gate(Tensor x);
    [Column("Width", "Inner")] [Hf("wide_b")] private partial Tensor Up(Tensor x);
    [Row("Inner", "Width")] [Hf("narrow")] private partial Tensor Down(Tensor x);
    [Dropout("Drops")] private partial Tensor Drop(Tensor x);

    public Tensor Forward(Tensor x, Positions at)
    {
        var h = Calm(x);
        x += Drop(Back(Heed(Turn(Wish(h), at), Turn(Sign(h), at), Content(h), at)));
        return x + Mlp(x);
    }

    private Tensor Mlp(Tensor x)
    {
        if (M.GatedMlp)
            return Down(Gated(M.Act, Gate(x), Up(x)));
        return Down(Activate(M.Act, Gate(x) * 0.5 + Up(x)));
    }
}
"""

type private Here =
    static member File([<CallerFilePath>] ?path: string) = defaultArg path ""

/// The folder of these tests.
let folder = nonNull (Path.GetDirectoryName(Here.File()))

let private references =
    let platform =
        match AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES" with
        | :? string as paths -> paths.Split Path.PathSeparator
        | _ -> [||]

    [
        for path in platform -> MetadataReference.CreateFromFile path :> MetadataReference
    ]

let private parseOptions =
    CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.None)

/// The text as a file of that name.
let file (name: string) (text: string) =
    CSharpSyntaxTree.ParseText(text, parseOptions, path = name)

/// A library of these files, nullable on, referring to all of Evo.
let compilation (trees: SyntaxTree list) =
    CSharpCompilation.Create(
        "Stranger",
        trees,
        references,
        CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary,
            nullableContextOptions = NullableContextOptions.Enable
        )
    )

/// A driver that tracks its steps.
let driver () =
    CSharpGeneratorDriver.Create(
        [ SpecGenerator().AsSourceGenerator() ],
        parseOptions = parseOptions,
        driverOptions =
            GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps = true)
    )
    :> GeneratorDriver

/// Emitted files by hint name, and what the generator found, for one text.
let generate (text: string) =
    let run =
        (driver().RunGenerators(compilation [ file "Spec.cs" text ])).GetRunResult()

    let sources = run.Results[0].GeneratedSources

    for e in run.Results do
        if not (isNull e.Exception) then
            Assert.Fail(string e.Exception)

    Map [ for s in sources -> s.HintName, s.SourceText.ToString() ], List.ofSeq run.Diagnostics

let private image (compiled: Compilation) =
    use image = new MemoryStream()
    let result = compiled.Emit image

    Assert.True(
        result.Success,
        String.Join(
            "\n",
            result.Diagnostics
            |> Seq.filter (fun d -> d.Severity = DiagnosticSeverity.Error)
        )
    )

    image.ToArray()

/// The image of what a text compiles to, the generated half included; fails with the compiler's errors.
let compile (text: string) =
    let mutable updated = Unchecked.defaultof<Compilation>
    let mutable found = Unchecked.defaultof<_>

    driver()
        .RunGeneratorsAndUpdateCompilation(
            compilation [ file "Spec.cs" text ],
            &updated,
            &found,
            CancellationToken.None
        )
    |> ignore

    image updated

/// The image of what a text compiles to where no generator runs.
let compilePlain (text: string) =
    image (compilation [ file "Spec.cs" text ])

/// The image of what a text compiles to against other assemblies than Evo's, and its name.
let compileAgainst (name: string) (others: byte array list) (text: string) =
    let core =
        references |> List.filter (fun r -> not ((string r.Display).Contains "Evo."))

    CSharpCompilation.Create(
        name,
        [ file "Other.cs" text ],
        core
        @ [
            for other in others -> MetadataReference.CreateFromImage other :> MetadataReference
        ],
        CSharpCompilationOptions OutputKind.DynamicallyLinkedLibrary
    )
    |> image

/// The assembly that a text compiles to, loaded; fails with the compiler's errors.
let load (text: string) =
    System.Reflection.Assembly.Load(compile text)
