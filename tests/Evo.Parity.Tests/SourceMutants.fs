/// The kill ratio of the runtime's text: one line of it changed, the room compiled anew, and the law must fail.
module Evo.Parity.Tests.SourceMutants

open System
open System.Collections.Generic
open System.IO
open System.Reflection
open System.Runtime.CompilerServices
open System.Runtime.Loader
open Evo.Core
open Evo.Models
open Evo.Parity.Tests.RuntimeGrounds
open Evo.Parity.Tests.SourceChanges
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Xunit

type private Here =
    static member File([<CallerFilePath>] ?path: string) = defaultArg path ""

let private room =
    let tests = nonNull (Path.GetDirectoryName(Here.File()))
    Path.GetFullPath(Path.Combine(tests, "../../src/Evo.Parallel"))



let private parseOptions =
    CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.None)

let private parse (path: string) (text: string) =
    CSharpSyntaxTree.ParseText(text, parseOptions, path)

/// What every file of the room sees without saying so.
let private usings =
    [
        "System"
        "System.Collections.Generic"
        "System.IO"
        "System.Linq"
        "System.Net.Http"
        "System.Threading"
        "System.Threading.Tasks"
    ]
    |> List.map (fun name -> $"global using {name};")
    |> String.concat "\n"
    |> parse "usings.cs"

/// The part of the room that steps at a layout are made of; what it needs of the rest is little.
let private files =
    lazy
        (dict
            [
                for folder in [ "Runtime"; "Optimizer"; "Parity"; "Groups"; "Faults" ] do
                    for file in
                        Directory.GetFiles(Path.Combine(room, folder), "*.cs", SearchOption.AllDirectories) do
                        Path.GetRelativePath(room, file), File.ReadAllText(file).ReplaceLineEndings "\n"
                for file in
                    [
                        "Training/BatchFigures.cs"
                        "Training/MicroBatch.cs"
                        "Training/RouterCoefficients.cs"
                        "../Evo.Torch/Native/UserCache.cs"
                    ] do
                    file, File.ReadAllText(Path.Combine(room, file)).ReplaceLineEndings "\n"
            ])

let private trees =
    lazy (dict [ for KeyValue(file, text) in files.Value -> file, parse file text ])

let private references =
    lazy
        [
            match AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES" with
            | :? string as paths ->
                for path in paths.Split Path.PathSeparator do
                    if Path.GetFileName path <> "Evo.Parallel.dll" then
                        MetadataReference.CreateFromFile path :> MetadataReference
            | _ -> ()
        ]

/// The room with one change, compiled and loaded beside the true one.
let private compiled (change: Change) =
    let text = files.Value[change.File]
    let at = text.IndexOf(change.Old, StringComparison.Ordinal)

    if at < 0 || text.IndexOf(change.Old, at + 1, StringComparison.Ordinal) >= 0 then
        invalidOp $"{change.File} has not exactly one \"{change.Old}\"; the mutant is to follow the text"

    let changed = text.Replace(change.Old, change.New, StringComparison.Ordinal)

    let options =
        CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary,
            nullableContextOptions = NullableContextOptions.Enable,
            optimizationLevel = OptimizationLevel.Release,
            allowUnsafe = true
        )

    let all =
        [
            usings
            for KeyValue(file, tree) in trees.Value do
                if file = change.File then parse file changed else tree
        ]

    use image = new MemoryStream()

    let result =
        CSharpCompilation.Create("Evo.Parallel", all, references.Value, options).Emit image

    if not result.Success then
        let errors =
            result.Diagnostics
            |> Seq.filter (fun d -> d.Severity = DiagnosticSeverity.Error)
            |> Seq.truncate 5
            |> Seq.map string

        invalidOp (String.concat "\n" errors)

    image.Position <- 0L
    AssemblyLoadContext("a mistaken runtime", isCollectible = true).LoadFromStream image

let private make (t: Type) (arguments: (obj | null) array) (properties: (string * (obj | null)) list) =
    let made = nonNull (Activator.CreateInstance(t, arguments))

    for name, value in properties do
        (nonNull (t.GetProperty name)).SetValue(made, value)

    made

/// What the mistaken runtime makes of a ground, in the true room's types.
let private figures (assembly: Assembly) (ground: Ground) : Evo.Parallel.LayoutFigures =
    let typeOf name =
        nonNull (assembly.GetType $"Evo.Parallel.{name}")

    let batch =
        let micro = typeOf "ParityBatch"
        let microList = typedefof<IReadOnlyList<_>>.MakeGenericType micro

        let step (micros: IReadOnlyList<Evo.Parallel.ParityBatch>) =
            let array = Array.CreateInstance(micro, micros.Count)

            micros
            |> Seq.iteri (fun i m -> array.SetValue(make micro [| m.Ids; m.Labels; null |] [], i))

            array

        let steps = Array.CreateInstance(microList, ground.Batch.Steps.Count)
        ground.Batch.Steps |> Seq.iteri (fun i micros -> steps.SetValue(step micros, i))
        make (typeOf "LayoutBatch") [| steps |] []

    let probe =
        make
            (typeOf "ParityProbe")
            [||]
            [ "BucketElements", box ground.BucketElements; "TimeLimit", box limit ]

    let run =
        (typeOf "LayoutParity").GetMethods()
        |> Array.find (fun m -> m.Name = "Run" && m.GetParameters().Length = 4)

    let found =
        nonNull (run.Invoke(null, [| ground.Spec; ground.Layout; batch; probe |]))

    let look name (from: obj) =
        (nonNull (from.GetType().GetProperty name)).GetValue from

    let get name from = nonNull (look name from)

    let steps =
        [|
            for step in (get "Steps" found :?> System.Collections.IEnumerable) do
                let step = nonNull step

                Evo.Parallel.StepQuantities(
                    (get "Loss" step :?> float),
                    (match look "RouterLoss" step with
                     | null -> Nullable()
                     | value -> Nullable(value :?> float)),
                    (get "ZLoss" step :?> float),
                    (get "Norm" step :?> float),
                    (get "Gradients" step :?> IReadOnlyDictionary<string, float array>),
                    (get "Parameters" step :?> IReadOnlyDictionary<string, float array>)
                )
        |]

    Evo.Parallel.LayoutFigures(steps, (get "Unequal" found :?> IReadOnlyList<string>))

/// The first ground where the law fails, or none.
let private seen (change: Change) =
    let assembly = compiled change

    all.Value
    |> Array.tryFind (fun ground ->
        try
            not (Layouts.wrongIn ground.Serial (figures assembly ground)).IsEmpty
        with :? TargetInvocationException ->
            true)

let private run (chosen: (string * Change) list) =
    let watch = Diagnostics.Stopwatch.StartNew()
    let results = [ for what, change in chosen -> what, change, seen change ]
    let survivors = results |> List.filter (fun (_, _, ground) -> ground.IsNone)
    let dead = results.Length - survivors.Length

    let text =
        String.concat
            "\n"
            [
                $"{dead} of {results.Length} changed lines of the runtime seen, {watch.Elapsed.TotalSeconds:f0} s"
                for what, change, _ in survivors do
                    $"  survived: {what} ({change.File})"
            ]

    Console.WriteLine text
    Assert.True(float dead >= 0.98 * float results.Length, text)

[<Fact>]
let ``the runtime as it is, compiled in the same way, obeys the law`` () =
    let assembly =
        compiled (change "Runtime/RankModel.Step.cs" "        SumTied();" "        SumTied(); // as it is")

    for ground in all.Value do
        Assert.Empty(Layouts.wrongIn ground.Serial (figures assembly ground))

[<Fact>]
let ``some changed lines of the runtime are seen`` () =
    run (changes |> List.indexed |> List.filter (fun (i, _) -> i % 8 = 4) |> List.map snd)

[<Fact; Trait("Category", "Full")>]
let ``every changed line of the runtime is seen`` () = run changes
