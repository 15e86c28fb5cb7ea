/// Where the emitted C# of a model lies.
module Evo.Cli.GeneratedFiles

open System
open System.IO
open Evo.Models

/// The folder into which the compiler writes what generators emit, where a project asks for it.
let private folderOf (assembly: string) =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> None
        | folder ->
            let objects = Path.Combine(folder.FullName, "artifacts", "obj", assembly)

            if Directory.Exists objects then
                Directory.EnumerateDirectories(
                    objects,
                    "Evo.Generators.Spec.SpecGenerator",
                    SearchOption.AllDirectories
                )
                |> Seq.sort
                |> Seq.tryHead
                |> Option.map (fun found -> folder.FullName, found)
            else
                up folder.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

/// For each record of the model the file of its generated half: a path from the checkout's root where the compiler wrote it,
/// else the name under which the compiler knows it.
let find (plan: ModePlan) (spec: CausalLM) : (string * string) list =
    let folder = folderOf (nonNull (spec.GetType().Assembly.GetName().Name))

    [
        for record in plan.Blocks |> Seq.map (fun struct (_, record) -> record) |> Seq.distinct do
            let hint = record + ".g.cs"

            match folder with
            | Some(root, folder) when File.Exists(Path.Combine(folder, hint)) ->
                record, Path.GetRelativePath(root, Path.Combine(folder, hint))
            | _ -> record, hint
    ]
