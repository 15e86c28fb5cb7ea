/// What a list of signatures cannot say, said beside it: lines that begin with @.
module Evo.Torch.Tests.Reference.Directives

type Directives =
    {
        /// The namespace of a top-level class; TorchSharp where absent.
        Namespaces: Map<string, string>
        /// The interfaces of a class.
        Interfaces: Map<string, string list>
        /// The constraints of type parameters, by class or by class and method.
        Constraints: Map<string, (string * string) list>
        /// (class, member) whose last array parameter takes any number of arguments.
        Params: Set<string * string>
        /// (class, member) that are static.
        Statics: Set<string * string>
        /// The names of the parts of a method's result.
        Tuples: Map<string, string list>
        /// Classes whose constructors are protected.
        ProtectedConstructors: Set<string>
    }

let private words (line: string) =
    line.Split(' ', System.StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

let read (path: string) : Directives =
    let lines =
        System.IO.File.ReadAllLines path
        |> Seq.filter (fun l -> l.StartsWith '@')
        |> Seq.map words
        |> List.ofSeq

    let pairs key =
        [
            for line in lines do
                match line with
                | k :: owner :: members when k = key ->
                    for m in members do
                        owner, m
                | _ -> ()
        ]

    {
        Namespaces = pairs "@namespace" |> List.map (fun (space, name) -> name, space) |> Map.ofList
        Interfaces =
            pairs "@implements"
            |> List.map (fun (owner, interfaces) -> owner, Signatures.splitTop ',' interfaces)
            |> Map.ofList
        Constraints =
            [
                for line in lines do
                    match line with
                    | "@where" :: owner :: parameter :: rest -> owner, (parameter, String.concat " " rest)
                    | _ -> ()
            ]
            |> List.groupBy fst
            |> List.map (fun (owner, all) -> owner, List.map snd all)
            |> Map.ofList
        Params = Set.ofList (pairs "@params")
        Statics = Set.ofList (pairs "@static")
        Tuples =
            [
                for line in lines do
                    match line with
                    | "@tuple" :: method :: names -> method, names
                    | _ -> ()
            ]
            |> Map.ofList
        ProtectedConstructors =
            [
                for line in lines do
                    match line with
                    | "@protected" :: owners -> yield! owners
                    | _ -> ()
            ]
            |> Set.ofList
    }
