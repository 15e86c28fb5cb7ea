/// Compiles C# in the test's own process.
module Evo.Torch.Tests.Reference.Compiling

open System
open System.IO
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp

let private system =
    lazy
        ((string (AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES")).Split Path.PathSeparator
         |> Array.filter (fun path ->
             let file = string (Path.GetFileName path)
             file.StartsWith "System." || file = "mscorlib.dll" || file = "netstandard.dll")
         |> Array.map (fun path -> MetadataReference.CreateFromFile path :> MetadataReference))

/// What every program begins with: the usual imports of a C# project.
let implicitUsings =
    "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;"

let compilation (name: string) (sources: (string * string) list) (references: MetadataReference list) =
    let options = CSharpParseOptions(LanguageVersion.Latest)

    CSharpCompilation.Create(
        name,
        sources
        |> List.map (fun (path, text) -> CSharpSyntaxTree.ParseText(text, options, path)),
        Seq.append system.Value references,
        CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary,
            allowUnsafe = true,
            nullableContextOptions = NullableContextOptions.Annotations
        )
    )

/// The bytes of an assembly, or the errors.
let emit (compilation: Compilation) : Result<byte[], string list> =
    use bytes = new MemoryStream()
    let result = compilation.Emit bytes

    if result.Success then
        Ok(bytes.ToArray())
    else
        result.Diagnostics
        |> Seq.filter (fun d -> d.Severity = DiagnosticSeverity.Error)
        |> Seq.map string
        |> List.ofSeq
        |> Error

/// The bytes of an assembly of these files (path and text), or the errors.
let compile name sources references =
    emit (compilation name sources references)

let reference (bytes: byte[]) : MetadataReference = MetadataReference.CreateFromImage bytes
let referenceFile (path: string) : MetadataReference = MetadataReference.CreateFromFile path

/// The reference assembly of the whole list of TorchSharp's signatures.
let torchSharp =
    lazy
        (let file name =
            Path.Combine(AppContext.BaseDirectory, "Reference", name)

         let beyond = file "torchsharp-beyond.txt"
         let lines = Signatures.read (file "torchsharp-api.txt") @ Signatures.read beyond
         let text = Stubs.source lines (Directives.read beyond)

         match compile "TorchSharp" [ "TorchSharp.cs", text ] [] with
         | Ok bytes -> reference bytes
         | Error errors ->
             let numbered =
                 text.Split '\n' |> Array.mapi (fun i l -> $"{i + 1}: {l}") |> String.concat "\n"

             File.WriteAllText(Path.Combine(Path.GetTempPath(), "torchsharp-stubs.cs"), numbered)
             let shown = errors |> List.truncate 40 |> String.concat "\n"
             failwith $"the stubs of TorchSharp do not compile:\n{shown}")
