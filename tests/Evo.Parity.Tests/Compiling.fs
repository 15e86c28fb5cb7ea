/// Compiles specs in memory: text to a family, through the generator and the compiler that a project's build uses.
module Evo.Parity.Tests.Compiling

open System
open System.IO
open System.Runtime.Loader
open System.Threading
open Evo.Generators.Spec
open Evo.Generators.Spec.Algebra
open Evo.Models
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp

let private references =
    lazy
        (match AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES" with
         | :? string as paths ->
             [
                 for path in paths.Split Path.PathSeparator ->
                     MetadataReference.CreateFromFile path :> MetadataReference
             ]
         | _ -> [])

let private parseOptions =
    CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.None)

let private parse (name: string) (text: string) =
    CSharpSyntaxTree.ParseText(text, parseOptions, path = name)

let private compilation (trees: SyntaxTree list) =
    CSharpCompilation.Create(
        "MadeUp" + Guid.NewGuid().ToString "N",
        trees,
        references.Value,
        CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary,
            nullableContextOptions = NullableContextOptions.Enable,
            optimizationLevel = OptimizationLevel.Release
        )
    )

/// What the generator writes for some texts, by file name; findings are failures.
let emit (algebra: AlgebraTable) (texts: (string * string) list) =
    let source = compilation [ for name, text in texts -> parse name text ]

    let driver =
        CSharpGeneratorDriver.Create(
            [ SpecGenerator(algebra).AsSourceGenerator() ],
            parseOptions = parseOptions
        )

    let result = (driver.RunGenerators(source, CancellationToken.None)).GetRunResult()

    for r in result.Results do
        if not (isNull r.Exception) then
            raise (InvalidOperationException("the generator failed", r.Exception))

    if not result.Diagnostics.IsEmpty then
        invalidOp (String.Join("\n", result.Diagnostics |> Seq.map string))

    [
        for s in result.Results[0].GeneratedSources -> s.HintName, s.SourceText.ToString()
    ]

/// The assembly of specs and what was emitted for them.
let load (texts: (string * string) list) (emitted: (string * string) list) =
    use image = new MemoryStream()

    let result =
        (compilation [ for name, text in texts @ emitted -> parse name text ]).Emit image

    if not result.Success then
        let errors =
            result.Diagnostics
            |> Seq.filter (fun d -> d.Severity = DiagnosticSeverity.Error)
            |> Seq.truncate 10

        invalidOp (String.Join("\n", errors |> Seq.map string))

    image.Position <- 0L
    AssemblyLoadContext("made up", isCollectible = true).LoadFromStream image

/// The family that a record of a loaded assembly describes.
let family (assembly: Reflection.Assembly) (record: string) =
    let found = nonNull (assembly.GetType record)
    nonNull ((nonNull (found.GetProperty "ModelFamily")).GetValue null) :?> ModelFamily

/// The model as its record starts it.
let start (family: ModelFamily) =
    family.FromHuggingFace.Invoke(Text.Json.Nodes.JsonObject())

/// The table of placements as text.
let algebraText =
    use stream =
        nonNull (typeof<AlgebraTable>.Assembly.GetManifestResourceStream "Evo.Algebra.txt")

    use reader = new StreamReader(stream)
    reader.ReadToEnd()
