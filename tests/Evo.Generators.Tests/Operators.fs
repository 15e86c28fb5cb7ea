/// The wrappers of libtorch's operators: what a schema line becomes, and that nothing is made twice.
module Evo.Generators.Tests.Operators

open System
open System.Collections.Immutable
open System.Threading
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Microsoft.CodeAnalysis.Text
open Xunit
open Evo.Generators.Operators

type private SchemaFile(path: string, text: string) =
    inherit AdditionalText()
    override _.Path = path
    override _.GetText(_: CancellationToken) = SourceText.From text

let private add =
    "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"

let private compilation (source: string) =
    CSharpCompilation.Create("Test", [ CSharpSyntaxTree.ParseText source ])

let private driver (files: AdditionalText list) =
    CSharpGeneratorDriver.Create(
        [ OperatorGenerator().AsSourceGenerator() ],
        files,
        CSharpParseOptions.Default,
        null,
        GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, true)
    )
    :> GeneratorDriver

let private results (driver: GeneratorDriver) = (driver.GetRunResult().Results)[0]

let private generated (text: string) =
    let run =
        driver([ SchemaFile("/x/Operators/operators.txt", text) ]).RunGenerators(compilation "class C { }")

    results run

let private sourceOf (text: string) =
    (generated text).GeneratedSources[0].SourceText.ToString()

let private reasons (step: string) (run: GeneratorDriver) =
    [
        for tracked in (results run).TrackedSteps[step] do
            for struct (_, reason) in tracked.Outputs -> reason
    ]

[<Fact>]
let ``a schema line becomes a typed method with the schema's defaults`` () =
    let source = sourceOf add

    Assert.Contains(
        "internal static Tensor add_Tensor(Tensor self, Tensor other, Scalar? alpha = null)",
        source
    )

    Assert.Contains(
        "Dispatcher.Call(ref operator_add_Tensor, \"aten::add\", \"Tensor\", __a, 3, __r, 1);",
        source
    )

    Assert.Contains("NativeValue.OfOrDefault(alpha)", source)
    Assert.DoesNotContain("\r", source)

[<Theory>]
[<InlineData("aten::add_.Scalar(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)",
             "Tensor add__Scalar(Tensor self, Scalar other, Scalar? alpha = null)")>]
[<InlineData("aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
             "(Tensor, Tensor) max_dim(Tensor self, long dim, bool keepdim = false)")>]
[<InlineData("aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor",
             "Tensor index_Tensor(Tensor self, Tensor?[] indices)")>]
[<InlineData("aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
             "Tensor sum_dim_IntList(Tensor self, long[]? dim, bool keepdim = false, global::TorchSharp.torch.ScalarType? dtype = null)")>]
[<InlineData("aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)",
             "Tensor view(Tensor self, global::System.ReadOnlySpan<long> size)")>]
[<InlineData("aten::pad(Tensor self, int[] pad, str mode=\"constant\", float? value=None) -> Tensor",
             "Tensor pad(Tensor self, global::System.ReadOnlySpan<long> pad, string mode = \"constant\", double? value = null)")>]
[<InlineData("aten::flip(Tensor self, int[] dims=[-2, -1]) -> Tensor",
             "Tensor flip(Tensor self, long[]? dims = null)")>]
[<InlineData("aten::split.Tensor(Tensor(a -> *) self, int split_size, int dim=0) -> Tensor(a)[]",
             "Tensor[] split_Tensor(Tensor self, long split_size, long dim = 0)")>]
let ``every kind of value has its type of C#`` (schema: string, signature: string) =
    Assert.Contains("internal static " + signature, sourceOf schema)

[<Fact>]
let ``an operator in place gives back its argument and takes no result over`` () =
    let source = sourceOf "aten::zero_(Tensor(a!) self) -> Tensor(a!)"
    Assert.Contains("__a, 1, null, 0);", source)
    Assert.Contains("return self;", source)

[<Fact>]
let ``EVO901 names the line that cannot be read, and the others are made`` () =
    let result = generated $"{add}\naten::odd(Quux self) -> Tensor\n"
    let problem = Assert.Single result.Diagnostics
    Assert.Equal("EVO901", problem.Id)
    Assert.Contains("operators.txt(2)", problem.GetMessage())
    Assert.Contains("Quux", problem.GetMessage())
    Assert.Contains("add_Tensor", result.GeneratedSources[0].SourceText.ToString())

[<Fact>]
let ``EVO901 refuses a schema that is listed twice`` () =
    let problem = Assert.Single (generated $"{add}\n{add}\n").Diagnostics
    Assert.Contains("is listed twice", problem.GetMessage())

[<Fact>]
let ``another file of operators becomes a class of its own, other files nothing`` () =
    let run =
        driver(
            [
                SchemaFile("/x/Operators/evo.txt", "evo::rope(Tensor x) -> Tensor")
                SchemaFile("/x/readme.txt", "not schemas")
            ]
        )
            .RunGenerators(compilation "class C { }")

    let source = Assert.Single (results run).GeneratedSources
    Assert.Contains("partial class EvoOperators", source.SourceText.ToString())
    Assert.Contains("\"evo::rope\"", source.SourceText.ToString())

[<Fact>]
let ``an edit elsewhere makes nothing again`` () =
    let first =
        driver([ SchemaFile("/x/Operators/operators.txt", add) ]).RunGenerators(compilation "class C { }")

    let second = first.RunGenerators(compilation "class C { int x; }")

    Assert.All(
        reasons "OperatorModels" second,
        (fun reason -> Assert.Equal(IncrementalStepRunReason.Cached, reason))
    )

[<Fact>]
let ``a comment in the file makes nothing again, another operator does`` () =
    let before = SchemaFile("/x/Operators/operators.txt", add)
    let first = driver([ before ]).RunGenerators(compilation "class C { }")

    let with' (text: string) =
        first
            .ReplaceAdditionalText(before, SchemaFile("/x/Operators/operators.txt", text))
            .RunGenerators(compilation "class C { }")

    Assert.Equal<_ list>(
        [ IncrementalStepRunReason.Cached ],
        reasons "OperatorModels" (with' ("# a comment\n" + add))
    )

    Assert.Equal<_ list>(
        [ IncrementalStepRunReason.Modified ],
        reasons "OperatorModels" (with' (add + "\naten::neg(Tensor self) -> Tensor"))
    )

[<Fact>]
let ``equal files are equal models with equal hash codes`` () =
    let a, b =
        SchemaParser.ParseFile("f", add), SchemaParser.ParseFile("f", add + "\n\n")

    Assert.True(a.Operators.Equals b.Operators)
    Assert.Equal(a.Operators.GetHashCode(), b.Operators.GetHashCode())
