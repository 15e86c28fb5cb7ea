/// The walls between the rooms, as the built assemblies show them.
module Evo.House.Tests.Walls

open System
open System.IO
open System.Reflection
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open System.Text.RegularExpressions
open Xunit

/// Room, and the rooms that it may know.
let private mayKnow =
    [
        "Evo.Core", []
        "Evo.Generators", []
        "Evo.Torch", [ "Evo.Core" ]
        "Evo.Data", [ "Evo.Core" ]
        "Evo.Models", [ "Evo.Core"; "Evo.Torch" ]
        "Evo.Parallel", [ "Evo.Core"; "Evo.Torch"; "Evo.Data"; "Evo.Models" ]
        "Evo.Cli", [ "Evo.Core"; "Evo.Torch"; "Evo.Data"; "Evo.Models"; "Evo.Parallel" ]
    ]

let private rooms = List.map fst mayKnow

let private assemblyOf room =
    let name = if room = "Evo.Cli" then "evo" else room

    Path.Combine(AppContext.BaseDirectory, name + ".dll")

let private withMetadata (path: string) (ask: MetadataReader -> 'answer) : 'answer =
    use stream = File.OpenRead path
    use assembly = new PEReader(stream)
    ask (assembly.GetMetadataReader())

let private referencesOf path =
    withMetadata path (fun reader ->
        [
            for handle in reader.AssemblyReferences ->
                reader.GetString(reader.GetAssemblyReference(handle).Name)
        ])

let private projectOf room =
    Checkout.under $"src/{room}/" [ ".csproj"; ".fsproj" ] |> List.exactlyOne

[<Fact>]
let ``an assembly knows only the rooms that the design lets it know`` () =
    [
        for room, allowed in mayKnow do
            if room <> "Evo.Generators" then
                for reference in referencesOf (assemblyOf room) do
                    if
                        reference.StartsWith("Evo.", StringComparison.Ordinal)
                        && not (List.contains reference allowed)
                    then
                        $"{room} references {reference}"
    ]
    |> Checkout.noneAgainst
        "A room referenced another that it may not know (the table is in tests/Evo.House.Tests/Walls.fs):"

[<Fact>]
let ``a project names only the rooms that the design lets it know, and the generators only as an analyzer``
    ()
    =
    [
        for room, allowed in mayKnow do
            for found in Regex.Matches(Checkout.read (projectOf room), "<ProjectReference[^>]*>") do
                let named = Regex.Match(found.Value, @"Evo\.[A-Za-z]+(?=\.[cf]sproj)").Value

                let asAnalyzer =
                    found.Value.Contains "OutputItemType=\"Analyzer\""
                    && found.Value.Contains "ReferenceOutputAssembly=\"false\""

                if named = "Evo.Generators" && not asAnalyzer then
                    $"{room} references Evo.Generators as a library"
                elif named <> "Evo.Generators" && not (List.contains named allowed) then
                    $"{room} references {named}"
    ]
    |> Checkout.noneAgainst "A project file crosses a wall:"

[<Fact>]
let ``native functions are called from Evo.Torch and Evo.Data only`` () =
    [
        for room in rooms do
            if room <> "Evo.Torch" && room <> "Evo.Data" && room <> "Evo.Generators" then
                yield!
                    withMetadata (assemblyOf room) (fun reader ->
                        [
                            for handle in reader.MethodDefinitions do
                                let method = reader.GetMethodDefinition handle

                                if method.Attributes.HasFlag MethodAttributes.PinvokeImpl then
                                    $"{room}: {reader.GetString method.Name}"
                        ])
    ]
    |> Checkout.noneAgainst "P/Invoke outside the two rooms that may:"

[<Fact>]
let ``Evo.Core could be true with the machine switched off: no file, clock, process or socket`` () =
    let forbidden =
        Regex
            @"^System\.(IO\.(File|Directory|FileStream|FileInfo|DirectoryInfo|StreamReader|StreamWriter)|Net\..*|Diagnostics\.(Stopwatch|Process)|Console|Environment|TimeProvider)$"

    withMetadata (assemblyOf "Evo.Core") (fun reader ->
        [
            for handle in reader.TypeReferences do
                let reference = reader.GetTypeReference handle

                let name =
                    reader.GetString reference.Namespace + "." + reader.GetString reference.Name

                if forbidden.IsMatch name then
                    name
            for handle in reader.MemberReferences do
                let name = reader.GetString(reader.GetMemberReference(handle).Name)

                if name = "get_Now" || name = "get_UtcNow" then
                    name
        ])
    |> Checkout.noneAgainst "Evo.Core reaches for the machine:"

[<Fact>]
let ``Roslyn is known to the generators only`` () =
    [
        for room in rooms do
            if room <> "Evo.Generators" then
                for reference in referencesOf (assemblyOf room) do
                    if reference.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal) then
                        $"{room} references {reference}"
    ]
    |> Checkout.noneAgainst "Roslyn outside Evo.Generators:"

[<Fact>]
let ``C# classes are sealed or abstract`` () =
    // TorchSharp's surface is held to TorchSharp's own modifiers; types that a compiler made have < in their names.
    [
        for room in [ "Evo.Torch"; "Evo.Data"; "Evo.Models"; "Evo.Parallel" ] do
            yield!
                withMetadata (assemblyOf room) (fun reader ->
                    [
                        for handle in reader.TypeDefinitions do
                            let definition = reader.GetTypeDefinition handle
                            let attributes = definition.Attributes
                            let name = reader.GetString definition.Name

                            let rec space (definition: TypeDefinition) =
                                let outer = definition.GetDeclaringType()

                                if outer.IsNil then
                                    reader.GetString definition.Namespace
                                else
                                    space (reader.GetTypeDefinition outer)

                            if
                                (space definition).StartsWith("Evo.", StringComparison.Ordinal)
                                && not (name.Contains '<')
                                && attributes &&& TypeAttributes.ClassSemanticsMask = TypeAttributes.Class
                                && attributes &&& (TypeAttributes.Sealed ||| TypeAttributes.Abstract) =
                                    enum 0
                            then
                                $"{space definition}.{name}"
                    ])
    ]
    |> Checkout.noneAgainst "A class is neither sealed nor abstract:"
