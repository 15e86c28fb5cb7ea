namespace Evo.Core.Python

open System
open System.Collections.Generic
open System.Numerics
open Evo.Core

/// What a Python configuration may ask of the world around it.
type PythonSurroundings =
    {
        /// A variable of the environment.
        Environment: string -> string option
        /// The text of a file, where there is one.
        ReadFile: string -> string option
    }

/// Follows the statements of a configuration and of the files that it imports.
[<Sealed>]
type internal Statements(around: PythonSurroundings) =
    let budget = Budget()
    let expressions = Expressions(budget, around.Environment)
    // Files that have been read, with their names; and those that are being read, the innermost first.
    let modules = Dictionary<string, Scope>()
    let mutable reading: string list = []

    // Files that one configuration is made of.
    let mostFiles = 100

    let value scope expression = expressions.Value(scope, expression)

    let bind (scope: Scope) name at (entry: Entry) =
        budget.Spend(1L, at)
        scope[name] <- { entry with NameAt = at }

    let bindValue scope name at value =
        bind scope name at { NameAt = at; At = at; Value = value }

    let rec assign (scope: Scope) (target: Expression) (entry: Entry) =
        match target.Node with
        | Name name -> bind scope name target.At entry
        | Member(owner, name) ->
            match value scope owner with
            | Dict entries -> bind entries name target.At entry
            | other -> Tokens.refuse target.At name $"{Values.kind other} takes no value here" ""
        | Item(owner, index) ->
            match value scope owner, value scope index with
            | Dict entries, Text key -> bind entries key index.At entry
            | Items items, Values.Number(Whole place) when place.Sign >= 0 && place < BigInteger items.Count ->
                items[int place] <- entry
            | other, _ -> Tokens.refuse target.At "" $"{Values.kind other} takes no value there" ""
        | TupleLiteral targets
        | ListLiteral targets ->
            let parts =
                match entry.Value with
                | Items items -> List.ofSeq items
                | FixedItems items -> items
                | other -> Tokens.refuse entry.At "" $"{Values.kind other} is not taken apart here" ""

            if parts.Length <> targets.Length then
                Tokens.refuse
                    target.At
                    ""
                    $"{targets.Length} names for {parts.Length} values"
                    "give each its own"

            List.iter2 (assign scope) targets parts
        | _ -> Tokens.refuse target.At "" "no value can be given to this" ""

    let delete (scope: Scope) (target: Expression) =
        match target.Node with
        | Name name when scope.Remove name -> ()
        | Name name -> Values.unknown target.At name scope.Keys
        | Item(owner, index) ->
            match value scope owner, value scope index with
            | Dict entries, Text key when entries.Remove key -> ()
            | _ -> Tokens.refuse target.At "del" "takes nothing away here" ""
        | _ -> Tokens.refuse target.At "del" "takes nothing away here" ""

    /// The folder of a file; empty for one that stands in the working directory.
    let folderOf (path: string) =
        path.Substring(0, max 0 (path.LastIndexOf '/'))

    let inFolder folder name =
        if folder = "" then name
        elif (folder: string) = "/" then "/" + name
        else folder + "/" + name

    /// Where a module may be: beside the file that names it, or in one of the folders around that one, the nearest first.
    let candidates (file: string) (dots: int) (name: string) =
        let parts = name.Replace('.', '/') + ".py"

        let up folder =
            if folder = "" then None else Some(folderOf folder)

        let rec climb folder count =
            if count = 0 then
                Some folder
            else
                match folder with
                // Relative paths go on upwards from the working directory.
                | ""
                | ".." -> climb (inFolder folder "..") (count - 1)
                | folder when folder.EndsWith "/.." -> climb (inFolder folder "..") (count - 1)
                | folder -> climb (folderOf folder) (count - 1)

        let folder = folderOf file

        if dots > 0 then
            climb folder (min 20 (dots - 1))
            |> Option.map (fun f -> inFolder f parts)
            |> Option.toList
        else
            Some folder
            |> List.unfold (Option.map (fun folder -> inFolder folder parts, up folder))
            |> List.truncate 50

    let rec run (file: string) (scope: Scope) (statement: Statement) : unit =
        let at = statement.At
        budget.Spend(1L, at)

        match statement.Act with
        | Pass -> ()
        | Assign(targets, content) ->
            let entry = expressions.Entry(scope, content)
            targets |> List.iter (fun target -> assign scope target entry)
        | Augment(target, sign, content) ->
            let before = value scope target
            let after = Operators.binary budget target.At sign before (value scope content)

            assign
                scope
                target
                {
                    NameAt = target.At
                    At = content.At
                    Value = after
                }
        | Evaluate expression -> value scope expression |> ignore
        | Import("os", name)
        | Import("os.path", name) -> bindValue scope name at (Known "os")
        | Import(name, _) ->
            Tokens.refuse
                at
                ("import " + name)
                "only os is imported into a configuration"
                "write out what is used of it"
        | ImportFrom(dots, name, names) -> importFrom file scope at dots name names
        | ReadBase statements ->
            for inner in statements do
                match inner.Act with
                | ImportFrom _
                | Evaluate { Node = TextLiteral _ }
                | Pass -> run file scope inner
                | _ ->
                    Tokens.refuse
                        inner.At
                        ""
                        "only imports stand under read_base()"
                        "write it below the block"
        | Choose(cases, otherwise) ->
            let block =
                cases
                |> List.tryFind (fun (test, _) -> Values.truth (value scope test))
                |> Option.map snd
                |> Option.defaultValue otherwise

            block |> List.iter (run file scope)
        | Delete targets -> targets |> List.iter (delete scope)

    and importFrom file scope at dots name names =
        match name, names with
        | _, [ "read_base", _ ] -> ()
        | "os", names when dots = 0 && not names.IsEmpty ->
            for wanted, bound in names do
                bindValue scope bound at (expressions.Member(at, Known "os", wanted))
        | _ ->
            let shown = String('.', dots) + name
            let paths = candidates file dots name

            let found =
                paths
                |> List.tryPick (fun path -> around.ReadFile path |> Option.map (fun t -> path, t))

            match found with
            | None ->
                let where = String.Join(", ", List.truncate 4 paths)

                Tokens.refuse
                    at
                    ("from " + shown)
                    $"there is no such file: {where}"
                    "a configuration imports other configurations only"
            | Some(path, text) ->
                let names' = readModule at path text

                let take wanted bound (entry: Entry) =
                    budget.Spend(1L, at)
                    scope[bound] <- entry

                match names with
                | [] ->
                    for pair in names' do
                        if not (pair.Key.StartsWith '_') then
                            take pair.Key pair.Key pair.Value
                | names ->
                    for wanted, bound in names do
                        match Values.find wanted names' with
                        | Some entry -> take wanted bound entry
                        | _ -> Values.unknown at wanted names'.Keys

    and readModule at (path: string) (text: string) : Scope =
        match modules.TryGetValue path with
        | true, names -> names
        | _ ->
            if List.contains path reading then
                let round = String.Join(" imports ", List.rev (path :: reading))
                Tokens.refuse at path $"these files import each other in a circle: {round}" ""

            if modules.Count + reading.Length >= mostFiles then
                Tokens.refuse at path $"a configuration is made of {mostFiles} files at most" ""

            let names = file path text
            modules[path] <- names
            names

    and file (path: string) (text: string) : Scope =
        reading <- path :: reading
        let start = { Source = path; Line = 1; Column = 1 }
        budget.Spend(int64 text.Length / 4L, start)
        let scope = Scope()

        bindValue scope "__file__" start (Text path)

        Parser.read path text |> List.iter (run path scope)
        reading <- reading.Tail
        scope

    /// The keys that a configuration sets: its names that hold values and do not begin with two underscores.
    member _.Read(path: string, text: string) : Json =
        let names = file path text

        {
            At = { Source = path; Line = 1; Column = 1 }
            Value =
                JObject
                    [
                        for pair in names do
                            match pair.Value.Value with
                            | Known _
                            | Method _ -> ()
                            | _ when pair.Key.StartsWith "__" -> ()
                            | _ ->
                                {
                                    Name = pair.Key
                                    NameAt = pair.Value.NameAt
                                    Content = Values.toJson budget pair.Value
                                }
                    ]
        }

/// Reads a configuration that is written as a Python file, without Python: assignments, dicts, lists, arithmetic, f-strings,
/// `os.environ`, `with read_base():`. Nothing is run.
module PythonConfig =

    /// The keys that the text sets, each with its place; or the one thing that could not be read. `path` names the file and says
    /// where the files that it imports are looked for.
    let read (around: PythonSurroundings) (path: string) (text: string) : Result<Json, Problem> =
        try
            Ok(Statements(around).Read(path, text))
        with Refused problem ->
            Error problem
