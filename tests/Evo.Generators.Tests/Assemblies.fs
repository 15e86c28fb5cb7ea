/// Records of models in assemblies that are none of Evo's.
module Evo.Generators.Tests.Assemblies

open System
open System.IO
open System.Text.Json.Nodes
open Evo.Models
open Evo.Parallel
open Evo.Generators.Tests.Spec
open Xunit

/// A folder for assemblies, deleted at the end.
type private Shelf() =
    let path = Directory.CreateTempSubdirectory("evo-assemblies-").FullName
    member _.Path name = Path.Combine(path, name)

    member shelf.Put(name: string, image: byte array) =
        File.WriteAllBytes(shelf.Path name, image)
        shelf.Path name

    interface IDisposable with
        member _.Dispose() = Directory.Delete(path, true)

/// The small spec under other names, as `[Model]` and the records carry them.
let private named (family: string) (architecture: string) =
    tiny
        .Replace("\"TINY\"", $"\"{family}\"")
        .Replace("\"TinyForCausalLM\"", $"\"{architecture}\"")
        .Replace("\"tiny\"", $"\"{family.ToLowerInvariant()}\"")

let private refused (path: string) =
    Assert.Throws<ModelAssemblyException>(fun () -> ModelAssembly.Load path |> ignore)

/// The problem is about this file, and says this.
let private says (words: string) (path: string) =
    let error = refused path
    Assert.Equal(path, error.Path)
    Assert.Equal(words, error.Problem)

[<Fact>]
let ``a record in an assembly becomes a family, once`` () =
    use shelf = new Shelf()
    let path = shelf.Put("Good.dll", compile (named "GOOD" "GoodForCausalLM"))
    let families = ModelAssembly.Load path
    Assert.Equal<string list>([ "GOOD" ], families |> Seq.map _.Name |> List.ofSeq)
    Assert.Equal<ModelFamily list>(List.ofSeq families, List.ofSeq (ModelAssembly.Load path))
    Assert.Equal(1, ModelFamilies.All |> Seq.filter (fun f -> f.Name = "GOOD") |> Seq.length)

    let spec =
        (nonNull (ModelFamilies.Find "GoodForCausalLM"))
            .FromKeys.Invoke(
                nonNull (JsonNode.Parse """{ "vocab_size": 9, "hidden_size": 8 }""") :?> JsonObject
            )

    // A type of the running Evo, not of a second copy of it.
    Assert.IsType<CausalLM>(spec, exactMatch = false) |> ignore
    Assert.Equal(9L, int64 spec.Size.VocabSize)

[<Fact>]
let ``what is not there, or no assembly, is said`` () =
    use shelf = new Shelf()
    says "there is no such file" (shelf.Path "Missing.dll")
    says "there is no such file" (shelf.Path "Missing.csproj")
    Directory.CreateDirectory(shelf.Path "Folder.dll") |> ignore
    says "this is a folder; name the .csproj or .dll in it" (shelf.Path "Folder.dll")

    says
        "must be an assembly (.dll) or a project (.csproj)"
        (shelf.Put("Model.cs", Text.Encoding.UTF8.GetBytes tiny))

    says "is no .NET assembly" (shelf.Put("Text.dll", Text.Encoding.UTF8.GetBytes tiny))
    says "is no .NET assembly" (shelf.Put("Empty.dll", [||]))
    // A whole assembly with its end cut off.
    let whole = compile (named "CUT" "CutForCausalLM")
    says "is no .NET assembly" (shelf.Put("Cut.dll", Array.truncate 600 whole))

[<Fact>]
let ``an assembly without a record of a model is refused, whether it knows Evo or not`` () =
    use shelf = new Shelf()

    let rule =
        "holds no record marked [Model]; docs/own-model.md shows how one is written"

    says rule (typeof<Evo.Core.RunConfig>.Assembly.Location)

    says
        rule
        (shelf.Put(
            "None.dll",
            compile "public static class None { public static Evo.Models.ModelFamily? No() => null; }"
        ))

[<Theory>]
[<InlineData("LLAMA2", "MineForCausalLM", "LLAMA2", "LLAMA2 (LlamaForCausalLM)")>]
[<InlineData("llama2", "MineForCausalLM", "llama2", "LLAMA2 (LlamaForCausalLM)")>]
[<InlineData("MINE", "GPT2LMHeadModel", "GPT2LMHeadModel", "GPT2 (GPT2LMHeadModel)")>]
let ``a name that is taken is refused, and nothing of the assembly is added``
    (family: string)
    (architecture: string)
    (taken: string)
    (by: string)
    =
    use shelf = new Shelf()
    let path = shelf.Put("Taken.dll", compile (named family architecture))

    says
        $"the record Stranger.Tiny is called {taken}, and so is the family {by}, which is known already; give it another name"
        path

    Assert.Null(ModelFamilies.Find "MINE")

[<Fact>]
let ``two records of one name are refused`` () =
    use shelf = new Shelf()

    let second =
        (named "TWIN" "OtherForCausalLM")
            .Replace("namespace Stranger;", "")
            .Replace("TinyLayer", "OtherLayer")
            .Replace("record Tiny ", "record Other ")
            .Replace("(Tiny M", "(Other M")

    let body = second.Substring(second.IndexOf "/// <summary>A small")
    let text = named "TWIN" "TwinForCausalLM" + "\n" + body

    says
        "two records are called TWIN, Stranger.Other and Stranger.Tiny; a name selects one family"
        (shelf.Put("Twins.dll", compile text))

[<Fact>]
let ``a record without its generated half, or without its name in config.json, is refused`` () =
    use shelf = new Shelf()

    says
        "the record Half has no generated half; its project must reference the package Evo.Models, which brings the generator"
        (shelf.Put("Half.dll", compilePlain "[Evo.Models.Model(\"HALF\")] public abstract class Half { }"))

    says
        "the record Stranger.Tiny says no class name for config.json; write [Model(\"NAMELESS\", HuggingFace = \"TinyForCausalLM\")]"
        (shelf.Put("Nameless.dll", compile (named "NAMELESS" "")))

[<Fact>]
let ``an assembly that was built with another Evo is refused by its version`` () =
    use shelf = new Shelf()

    let other =
        compileAgainst
            "Evo.Models"
            []
            "[assembly: System.Reflection.AssemblyVersion(\"9.8.7.0\")] namespace Evo.Models { public class Anything { } }"

    let path =
        shelf.Put("Newer.dll", compileAgainst "Newer" [ other ] "public class Mine : Evo.Models.Anything { }")

    let running = (nonNull (typeof<CausalLM>.Assembly.GetName().Version)).ToString 3

    says
        $"was built with Evo.Models 9.8.7, and this is Evo {running}; reference the packages of version {running} and build it again"
        path

[<Fact>]
let ``an assembly of this version that was built with other members says which is missing`` () =
    use shelf = new Shelf()
    let version = string (typeof<CausalLM>.Assembly.GetName().Version)

    let other =
        compileAgainst
            "Evo.Models"
            []
            $"[assembly: System.Reflection.AssemblyVersion(\"{version}\")] namespace Evo.Models {{ public class Gone {{ }} }}"

    let path =
        shelf.Put("Older.dll", compileAgainst "Older" [ other ] "public class Mine : Evo.Models.Gone { }")

    let error = refused path
    Assert.StartsWith("does not fit this Evo", error.Problem)
    Assert.Contains("'Evo.Models.Gone'", error.Problem)

[<Fact>]
let ``a project is built, and what its build says is shown as it is`` () =
    use shelf = new Shelf()
    // Nothing is restored: it refers to nothing.
    File.WriteAllText(
        shelf.Path "Bad.csproj",
        "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>"
    )

    File.WriteAllText(shelf.Path "Bad.cs", "public class Bad\n{\n    int x = ;\n}\n")
    let told = ResizeArray<string>()

    let error =
        Assert.Throws<ModelAssemblyException>(fun () ->
            ModelAssembly.Load(shelf.Path "Bad.csproj", Action<string> told.Add) |> ignore)

    Assert.StartsWith("does not build (dotnet build ended with 1):\n", error.Problem)
    Assert.Contains("Bad.cs(3,13): error CS1525", error.Problem)
    Assert.Equal<string list>([ "building Bad.csproj" ], List.ofSeq told)
    File.WriteAllText(shelf.Path "Bad.cs", "public class Bad { }\n")
    let built = refused (shelf.Path "Bad.csproj")
    Assert.EndsWith("Bad.dll", built.Path)
    Assert.StartsWith("holds no record marked [Model]", built.Problem)
