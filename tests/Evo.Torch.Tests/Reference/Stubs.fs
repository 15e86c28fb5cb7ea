/// From the list of TorchSharp's signatures, the C# text of an assembly that declares them all and does nothing:
/// what a program must compile against to be a TorchSharp program.
module Evo.Torch.Tests.Reference.Stubs

open System.Text
open Signatures
open Directives
open Words
open Catalogue

/// What the text of one class needs to know.
type private Context =
    {
        Catalogue: Catalogue
        Directives: Directives
        Key: string
        Kind: string
        Out: int -> string -> unit
    }

let private parameterList (c: Context) (name: string) extension (parameters: Signatures.Parameter list) =
    parameters
    |> List.mapi (fun i p ->
        let this' = if i = 0 && extension then "this " else ""
        let passing = if p.Passing = "" then "" else p.Passing + " "

        let many =
            match p.Type, p.Default with
            | ArrayOf _, None when i = parameters.Length - 1 && c.Directives.Params.Contains(c.Key, name) ->
                "params "
            | _ -> ""

        $"{this'}{many}{passing}{csharp p.Type} {escape p.Name}{standing c.Catalogue.Enums p}")
    |> String.concat ", "

let private constraints (c: Context) owner parameters =
    c.Directives.Constraints
    |> Map.tryFind owner
    |> Option.defaultValue []
    |> List.filter (fun (parameter, _) -> List.contains parameter parameters)
    |> List.map (fun (parameter, bound) -> $" where {parameter} : {bound}")
    |> String.concat ""

let private field (c: Context) depth (m: Line) result value =
    match value with
    | Some number when c.Kind = "enum" -> c.Out depth $"{escape m.Name} = {number},"
    | None when c.Kind = "enum" -> ()
    | Some number ->
        let number =
            if c.Catalogue.Enums.Contains(showType result) then
                $"({csharp result})({number})"
            else
                number

        c.Out depth $"public const {csharp result} {escape m.Name} = {number};"
    | None when c.Kind.StartsWith "static" || keyOf result = c.Key ->
        c.Out depth $"public static {csharp result} {escape m.Name} = default!;"
    | None -> c.Out depth $"public {csharp result} {escape m.Name};"

let private property (c: Context) depth (m: Line) index (accessors: string) result =
    let isStatic =
        c.Kind.StartsWith "static" || c.Directives.Statics.Contains(c.Key, m.Name)

    let static' = if isStatic then "static " else ""

    let access, body =
        if c.Kind = "interface" then
            "", accessors
        else
            "public ", accessors.Replace("get;", "get => throw null!;").Replace("set;", "set { }")

    if List.isEmpty index then
        c.Out depth $"{access}{static'}{csharp result} {escape m.Name} {{ {body} }}"
    else
        if m.Name <> "Item" then
            c.Out depth $"[System.Runtime.CompilerServices.IndexerName(\"{m.Name}\")]"

        c.Out depth $"{access}{csharp result} this[{parameterList c m.Name false index}] {{ {body} }}"

let private method (c: Context) depth (m: Line) (parameters: Signatures.Parameter list) result =
    let extension =
        c.Key.EndsWith "ExtensionMethods"
        && (match parameters with
            | { Type = Named [ "BinaryReader", [] ] } :: _
            | { Passing = "ref" } :: _ -> false
            | _ -> true)

    let generics =
        if m.TypeParameters.IsEmpty then
            ""
        else
            $"""<{m.TypeParameters |> String.concat ", "}>"""

    let bounds =
        constraints c c.Key m.TypeParameters
        + constraints c $"{c.Key}.{m.Name}" m.TypeParameters

    let above = overridden c.Catalogue c.Key m.Name (parameters |> List.map _.Type)
    let has flag = List.contains flag m.Flags

    let ofObject =
        match m.Name, parameters |> List.map (fun p -> showType p.Type) with
        | ("ToString" | "GetHashCode"), []
        | "Equals", [ "object" ] -> true
        | _ -> false

    let own = if has "protected" then "protected " else "public "

    let access, modifier =
        match above with
        | _ when c.Kind = "interface" -> "", ""
        | _ when has "static" -> own, "static "
        | _ when ofObject -> own, "override "
        | Some base' ->
            (if List.contains "protected" base'.Flags then
                 "protected "
             else
                 "public "),
            "override "
        | None when has "abstract" -> own, "abstract "
        | None when has "virtual" && not (c.Kind.StartsWith "sealed") && c.Kind <> "struct" -> own, "virtual "
        | None -> own, ""

    let body =
        if access = "" || modifier = "abstract " then
            ";"
        else
            " => throw null!;"

    let names =
        c.Directives.Tuples |> Map.tryFind $"{c.Key}.{m.Name}" |> Option.defaultValue []

    let bounds = if modifier = "override " then "" else bounds
    let parameters = parameterList c m.Name extension parameters

    c.Out
        depth
        $"{access}{modifier}{csharpWith names result} {escape m.Name}{generics}({parameters}){bounds}{body}"

let private member' (c: Context) depth (m: Line) =
    match m.Member with
    | Type _ -> ()
    | Field(result, value) -> field c depth m result value
    | Property(index, accessors, result) -> property c depth m index accessors result
    | Constructor [] when c.Kind = "struct" -> ()
    | Constructor parameters ->
        let isProtected =
            c.Kind.StartsWith "abstract"
            || c.Directives.ProtectedConstructors.Contains c.Key

        let access = if isProtected then "protected" else "public"

        c.Out
            depth
            $"""{access} {simple c.Catalogue.TypeOf[c.Key]}({parameterList c "ctor" false parameters}) {{ }}"""
    | Method _ when m.Name = "Finalize" -> ()
    | Method(parameters, result) when m.Name = "op_Implicit" || m.Name = "op_Explicit" ->
        let word = m.Name[3..].ToLowerInvariant()

        c.Out
            depth
            $"public static {word} operator {csharp result}({parameterList c m.Name false parameters}) => throw null!;"
    | Method(parameters, result) when operators.ContainsKey m.Name ->
        let sign = operators[m.Name]

        c.Out
            depth
            $"public static {csharp result} operator {sign}({parameterList c m.Name false parameters}) => throw null!;"
    | Method(parameters, result) -> method c depth m parameters result

let private header (c: Context) (members: Line list) parent =
    let name, own =
        match c.Catalogue.TypeOf[c.Key] with
        | Named parts ->
            let name, arguments = List.last parts
            let outer = if parts.Length > 1 then snd parts[parts.Length - 2] else []

            name,
            (if outer = arguments then
                 []
             else
                 arguments |> List.map showType)
        | other -> showType other, []

    if c.Kind = "enum" then
        let size =
            members
            |> List.tryPick (fun m ->
                match m.Member with
                | Field(t, None) when m.Name = "value__" -> Some(showType t)
                | _ -> None)
            |> Option.defaultValue "int"

        $"""public enum {escape name} : {size.Replace("SByte", "sbyte")}"""
    else
        let generics =
            if own.IsEmpty then
                ""
            else
                $"""<{String.concat ", " own}>"""

        let interfaces =
            c.Directives.Interfaces |> Map.tryFind c.Key |> Option.defaultValue []

        let bases = (parent |> Option.map csharp |> Option.toList) @ interfaces

        let bases =
            if bases.IsEmpty then
                ""
            else
                " : " + String.concat ", " bases

        $"public {c.Kind} {escape name}{generics}{bases}{constraints c c.Key own}"

let rec private class' catalogue directives out depth (key: string) =
    let kind, parent = catalogue.Declared[key]
    let members = catalogue.MembersOf |> Map.tryFind key |> Option.defaultValue []

    let c =
        {
            Catalogue = catalogue
            Directives = directives
            Key = key
            Kind = kind
            Out = out
        }

    match parent, members |> List.tryFind (fun m -> m.Name = "Invoke") |> Option.map _.Member with
    | Some(Named [ "MulticastDelegate", [] ]), Some(Method(parameters, result)) ->
        out
            depth
            $"""public delegate {csharp result} {simple catalogue.TypeOf[key]}({parameterList c "Invoke" false parameters});"""
    | _ ->
        out depth (header c members parent)
        out depth "{"

        // A base class needs a constructor that the stubs of its heirs can call, and nobody else.
        let bare = members |> List.exists (fun m -> m.Member = Constructor [])

        if kind.EndsWith "class" && not (kind.StartsWith "static") && not bare then
            out (depth + 1) $"internal {simple catalogue.TypeOf[key]}() {{ }}"

        for m in members do
            member' c (depth + 1) m

        let enumerates (i: string) =
            i.StartsWith "IEnumerable<" || i.StartsWith "IList<"

        if
            directives.Interfaces
            |> Map.tryFind key
            |> Option.exists (List.exists enumerates)
        then
            out
                (depth + 1)
                "System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => throw null!;"

        for nested in catalogue.Inner |> Map.tryFind key |> Option.defaultValue [] do
            class' catalogue directives out (depth + 1) nested

        out depth "}"

/// The text of the assembly.
let source (lines: Line list) (directives: Directives) : string =
    let catalogue = make lines
    let text = StringBuilder()

    let out (depth: int) (line: string) =
        text.Append(' ', 4 * depth).Append(line).Append('\n') |> ignore

    let spaceOf key =
        match catalogue.TypeOf[key] with
        | Named parts ->
            directives.Namespaces
            |> Map.tryFind (fst parts.Head)
            |> Option.defaultValue "TorchSharp"
        | _ -> "TorchSharp"

    out 0 "#pragma warning disable"
    out 0 "using System; using System.IO; using System.Numerics; using System.Globalization;"

    out
        0
        "using System.Collections.Generic; using TorchSharp; using TorchSharp.Modules; using TorchSharp.Utils;"

    for space, keys in catalogue.Top |> List.groupBy spaceOf do
        out 0 $"namespace {space} {{"

        for key in keys do
            class' catalogue directives out 1 key

        out 0 "}"

    out 0 "namespace TorchSharp.Modules {"

    for name, count, isEnum in catalogue.Strangers do
        let generics = [ for i in 1..count -> $"T{i}" ] |> String.concat ", "

        out
            1
            (if isEnum then $"public enum {name} {{ }}"
             elif count = 0 then $"public class {name} {{ }}"
             else $"public class {name}<{generics}> {{ }}")

    out 0 "}"
    text.ToString()
