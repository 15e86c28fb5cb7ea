/// From the list of TorchSharp's signatures, the C# text of an assembly that declares them all and does nothing:
/// what a program must compile against to be a TorchSharp program.
module Evo.Torch.Tests.Reference.Stubs

open System
open System.Text
open Signatures
open Directives

/// One class of the list with its members and the classes inside it.
type private Class =
    {
        Key: string
        Declaration: string * TypeName option
        Members: Line list
        Inner: string list
    }

let private keywords =
    set
        [
            "abstract"
            "as"
            "base"
            "bool"
            "byte"
            "char"
            "decimal"
            "double"
            "event"
            "fixed"
            "float"
            "in"
            "int"
            "is"
            "lock"
            "long"
            "object"
            "out"
            "params"
            "ref"
            "short"
            "string"
            "this"
            "using"
        ]

let private escape name =
    if keywords.Contains name then "@" + name else name

let private squeezed (key: string) = key.Replace(", ", ",")

/// A nested class repeats its container's type parameters in the list; in C# it must not.
let rec private csharp (t: TypeName) =
    match t with
    | ArrayOf item -> csharp item + "[]"
    | NullableOf item -> csharp item + "?"
    | Named [ ("ValueTuple", items) ] ->
        let items = items |> List.map csharp |> String.concat ", "
        $"({items})"
    | Named parts ->
        parts
        |> List.mapi (fun i (name, arguments) ->
            let repeated = i > 0 && arguments <> [] && snd parts[i - 1] = arguments

            match arguments with
            | [] -> escape name
            | _ when repeated -> escape name
            | _ -> $"""{escape name}<{arguments |> List.map csharp |> String.concat ", "}>""")
        |> String.concat "."
        |> fun text ->
            match text with
            | "@int"
            | "@long"
            | "@float"
            | "@double"
            | "@bool"
            | "@byte"
            | "@string"
            | "@object"
            | "@short"
            | "@char" -> text.TrimStart '@'
            | _ -> text

/// A result type with names for the parts of its tuple.
let rec private csharpWith (names: string list) (t: TypeName) =
    match t with
    | Named [ ("ValueTuple", items) ] when items.Length = names.Length ->
        let items =
            List.map2 (fun item name -> $"{csharp item} {name}") items names
            |> String.concat ", "

        $"({items})"
    | Named [ (name, [ Named [ ("ValueTuple", _) ] as item ]) ] -> $"{name}<{csharpWith names item}>"
    | other -> csharp other

let private operators =
    dict
        [
            "op_Addition", "+"
            "op_Subtraction", "-"
            "op_Multiply", "*"
            "op_Division", "/"
            "op_Modulus", "%"
            "op_BitwiseAnd", "&"
            "op_BitwiseOr", "|"
            "op_ExclusiveOr", "^"
            "op_Equality", "=="
            "op_Inequality", "!="
            "op_LessThan", "<"
            "op_LessThanOrEqual", "<="
            "op_GreaterThan", ">"
            "op_GreaterThanOrEqual", ">="
            "op_UnaryNegation", "-"
            "op_OnesComplement", "~"
        ]

let private standing (enums: Set<string>) (p: Signatures.Parameter) =
    match p.Default with
    | None -> ""
    | Some "null" when
        (match p.Type with
         | Named [ (("ReadOnlySpan" | "Span"), _) ] -> true
         | _ -> false)
        ->
        " = default"
    | Some value when enums.Contains(showType p.Type) -> $" = ({csharp p.Type})({value})"
    | Some value when p.Type = Named [ "float", [] ] -> $" = {value}f"
    | Some value -> $" = {value}"

/// Substitutes type arguments for type parameters.
let rec private substitute (map: Map<string, TypeName>) (t: TypeName) =
    match t with
    | ArrayOf item -> ArrayOf(substitute map item)
    | NullableOf item -> NullableOf(substitute map item)
    | Named [ name, [] ] when map.ContainsKey name -> map[name]
    | Named parts ->
        Named(
            parts
            |> List.map (fun (name, arguments) -> name, arguments |> List.map (substitute map))
        )

let private shape (t: TypeName) =
    match t with
    | Named parts ->
        parts
        |> List.map (fun (name, arguments) -> $"{name}`{arguments.Length}")
        |> String.concat "."
    | other -> showType other

let private arguments (t: TypeName) =
    match t with
    | Named parts -> parts |> List.collect snd
    | _ -> []

/// The text of the assembly.
let source (lines: Line list) (directives: Directives) : string =
    let lines = lines |> List.distinctBy _.Text
    let keyOf t = squeezed (showType t)

    let declared =
        lines
        |> List.choose (fun l ->
            match l.Member with
            | Type(kind, parent) -> Some(keyOf l.Owner, (kind, parent))
            | _ -> None)
        |> List.distinctBy fst
        |> Map.ofList

    let typeOf = lines |> List.map (fun l -> keyOf l.Owner, l.Owner) |> Map.ofList

    let byShape =
        typeOf |> Map.toSeq |> Seq.map (fun (key, t) -> shape t, key) |> Map.ofSeq

    let enums =
        declared
        |> Map.filter (fun _ (kind, _) -> kind = "enum")
        |> Map.toSeq
        |> Seq.map fst
        |> Set.ofSeq

    let parentKey (t: TypeName) =
        match t with
        | Named parts when parts.Length > 1 ->
            let outer = Named parts[.. parts.Length - 2]
            byShape |> Map.tryFind (shape outer)
        | _ -> None

    let inner =
        declared
        |> Map.toSeq
        |> Seq.choose (fun (key, _) -> parentKey typeOf[key] |> Option.map (fun outer -> outer, key))
        |> Seq.groupBy fst
        |> Seq.map (fun (outer, keys) -> outer, keys |> Seq.map snd |> List.ofSeq)
        |> Map.ofSeq

    let membersOf =
        lines
        |> List.filter (fun l ->
            match l.Member with
            | Type _ -> false
            | _ -> true)
        |> List.groupBy (fun l -> keyOf l.Owner)
        |> Map.ofList

    /// The method of that name and these parameters that stands above a class, its base given with type arguments.
    let rec above (parent: TypeName option) (name: string) (parameters: TypeName list) : Line option =
        match parent with
        | Some parent when byShape.ContainsKey(shape parent) ->
            let key = byShape[shape parent]
            let formal = arguments typeOf[key] |> List.map showType
            let map = List.zip formal (arguments parent) |> Map.ofList

            membersOf
            |> Map.tryFind key
            |> Option.defaultValue []
            |> List.tryFind (fun l ->
                match l.Member with
                | Method(ps, _) ->
                    l.Name = name
                    && (List.contains "virtual" l.Flags || List.contains "abstract" l.Flags)
                    && ps |> List.map (fun p -> substitute map p.Type) = parameters
                | _ -> false)
            |> Option.orElseWith (fun () ->
                above (snd declared[key] |> Option.map (substitute map)) name parameters)
        | _ -> None

    let overrides (key: string) = above (snd declared[key])

    let text = StringBuilder()

    let out (depth: int) (line: string) =
        text.Append(' ', 4 * depth).Append(line).Append('\n') |> ignore

    let parameterList owner (m: Line) extension (parameters: Signatures.Parameter list) =
        parameters
        |> List.mapi (fun i p ->
            let this' = if i = 0 && extension then "this " else ""
            let passing = if p.Passing = "" then "" else p.Passing + " "

            let many =
                match p.Type, p.Default with
                | ArrayOf _, None when
                    i = parameters.Length - 1
                    && directives.Params.Contains(owner, if m.Name = "" then "ctor" else m.Name)
                    ->
                    "params "
                | _ -> ""

            $"{this'}{many}{passing}{csharp p.Type} {escape p.Name}{standing enums p}")
        |> String.concat ", "

    let constraints key parameters =
        directives.Constraints
        |> Map.tryFind key
        |> Option.defaultValue []
        |> List.filter (fun (parameter, _) -> List.contains parameter parameters)
        |> List.map (fun (parameter, bound) -> $" where {parameter} : {bound}")
        |> String.concat ""

    let emitMember depth (key: string) (kind: string) (m: Line) =
        let isStaticClass = kind.StartsWith "static"
        let isInterface = kind = "interface"

        let simple =
            typeOf[key]
            |> function
                | Named parts -> fst (List.last parts)
                | t -> showType t

        let access =
            if List.contains "protected" m.Flags then
                "protected"
            else
                "public"

        match m.Member with
        | Type _ -> ()
        | Field(result, value) when kind = "enum" ->
            if m.Name <> "value__" then
                out depth $"{escape m.Name} = {value.Value},"
        | Field(result, Some value) ->
            let cast =
                if enums.Contains(showType result) then
                    $"({csharp result})({value})"
                else
                    value

            out depth $"public const {csharp result} {escape m.Name} = {cast};"
        | Field(result, None) ->
            let static' =
                if isStaticClass || keyOf result = key then
                    "static "
                else
                    ""

            let start = if static' = "" then "" else " = default!"
            out depth $"public {static'}{csharp result} {escape m.Name}{start};"
        | Property(index, accessors, result) ->
            let static' =
                if isStaticClass || directives.Statics.Contains(key, m.Name) then
                    "static "
                else
                    ""

            let body =
                if isInterface then
                    $"{{ {accessors} }}"
                else
                    $"""{{ {accessors.Replace("get;", "get => throw null!;").Replace("set;", "set { }")} }}"""

            let access = if isInterface then "" else "public "

            if index.IsEmpty then
                out depth $"{access}{static'}{csharp result} {escape m.Name} {body}"
            else
                if m.Name <> "Item" then
                    out depth $"[System.Runtime.CompilerServices.IndexerName(\"{m.Name}\")]"

                out depth $"{access}{csharp result} this[{parameterList key m false index}] {body}"
        | Constructor parameters ->
            if kind <> "struct" || not parameters.IsEmpty then
                let access =
                    if kind.StartsWith "abstract" || directives.ProtectedConstructors.Contains key then
                        "protected"
                    else
                        "public"

                out
                    depth
                    $"""{access} {simple}({parameterList key { m with Name = "" } false parameters}) {{ }}"""
        | Method(parameters, result) when operators.ContainsKey m.Name ->
            out
                depth
                $"public static {csharp result} operator {operators[m.Name]}({parameterList key m false parameters}) => throw null!;"
        | Method(parameters, result) when m.Name = "op_Implicit" || m.Name = "op_Explicit" ->
            let word = m.Name[3..].ToLowerInvariant()

            out
                depth
                $"public static {word} operator {csharp result}({parameterList key m false parameters}) => throw null!;"
        | Method _ when m.Name = "Finalize" -> ()
        | Method(parameters, result) ->
            let extension =
                key.EndsWith "ExtensionMethods"
                && (match parameters with
                    | { Type = Named [ "BinaryReader", [] ] } :: _ -> false
                    | { Passing = "ref" } :: _ -> false
                    | _ -> true)

            let generics =
                match m.TypeParameters with
                | [] -> ""
                | all -> $"""<{all |> String.concat ", "}>"""

            let bounds =
                if m.TypeParameters.IsEmpty then
                    ""
                else
                    constraints key m.TypeParameters
                    + constraints $"{key}.{m.Name}" m.TypeParameters

            let above = overrides key m.Name (parameters |> List.map _.Type)
            let types = parameters |> List.map (fun p -> showType p.Type)

            let ofObject =
                (m.Name, types)
                |> fun k -> List.contains k [ "ToString", []; "GetHashCode", []; "Equals", [ "object" ] ]

            let access, modifier =
                if isInterface then
                    "", ""
                elif List.contains "static" m.Flags then
                    access + " ", "static "
                elif ofObject then
                    access + " ", "override "
                elif above.IsSome then
                    (if List.contains "protected" above.Value.Flags then
                         "protected "
                     else
                         "public "),
                    "override "
                elif List.contains "abstract" m.Flags then
                    access + " ", "abstract "
                elif
                    List.contains "virtual" m.Flags
                    && not (kind.StartsWith "sealed")
                    && kind <> "struct"
                then
                    access + " ", "virtual "
                else
                    access + " ", ""

            let body =
                if isInterface || modifier = "abstract " then
                    ";"
                else
                    " => throw null!;"

            let boundsHere = if modifier = "override " then "" else bounds

            let names =
                directives.Tuples |> Map.tryFind $"{key}.{m.Name}" |> Option.defaultValue []

            out
                depth
                $"{access}{modifier}{csharpWith names result} {escape m.Name}{generics}({parameterList key m extension parameters}){boundsHere}{body}"

    let rec emit depth (key: string) =
        let kind, parent = declared[key]
        let owner = typeOf[key]

        let name, own =
            match owner with
            | Named parts ->
                let name, arguments = List.last parts
                let outer = if parts.Length > 1 then snd parts[parts.Length - 2] else []

                name,
                (if outer <> [] && outer = arguments then
                     []
                 else
                     arguments |> List.map showType)
            | other -> showType other, []

        let members = membersOf |> Map.tryFind key |> Option.defaultValue []

        match parent with
        | Some(Named [ "MulticastDelegate", [] ]) ->
            match
                members
                |> List.pick (fun m ->
                    match m.Member with
                    | Method(ps, r) when m.Name = "Invoke" -> Some(ps, r)
                    | _ -> None)
            with
            | ps, result ->
                out
                    depth
                    $"public delegate {csharp result} {name}({parameterList key members.Head false ps});"
        | _ ->
            let word =
                if kind = "enum" then
                    let size =
                        members
                        |> List.tryPick (fun m ->
                            match m.Member with
                            | Field(t, None) when m.Name = "value__" -> Some(showType t)
                            | _ -> None)
                        |> Option.defaultValue "int"

                    $"public enum {escape name} : {size}"
                else
                    let generics =
                        if own.IsEmpty then
                            ""
                        else
                            $"""<{String.concat ", " own}>"""

                    let bases =
                        [
                            match parent with
                            | Some p -> csharp p
                            | None -> ()
                            yield! directives.Interfaces |> Map.tryFind key |> Option.defaultValue []
                        ]

                    let bases =
                        if bases.IsEmpty then
                            ""
                        else
                            " : " + String.concat ", " bases

                    $"public {kind} {escape name}{generics}{bases}{constraints key own}"

            out depth (word.Replace("enum @", "enum ").Replace(": SByte", ": sbyte"))
            out depth "{"

            let canBeMade = kind.EndsWith "class" && not (kind.StartsWith "static")

            let bare =
                members
                |> List.exists (fun m ->
                    match m.Member with
                    | Constructor [] -> true
                    | _ -> false)

            if canBeMade && not bare then
                out (depth + 1) $"internal {name}() {{ }}"

            // Arrays of several dimensions read as arrays of one in the list: the first of each signature stands.
            let members =
                members
                |> List.distinctBy (fun m ->
                    match m.Member with
                    | Method(ps, r) ->
                        let result = if m.Name.StartsWith "op_" then showType r else ""
                        $"{m.Name}`{m.TypeParameters.Length}({ps |> List.map (fun p -> p.Passing + showType p.Type)}){result}"
                    | _ -> m.Text)

            let methods, rest =
                members
                |> List.partition (fun m ->
                    match m.Member with
                    | Field _ -> false
                    | _ -> true)

            for m in rest @ methods do
                emitMember (depth + 1) key kind m

            // The pairs that C# asks for.
            if
                List.contains
                    "IEnumerable<long>"
                    (directives.Interfaces |> Map.tryFind key |> Option.defaultValue [])
                || key = "TensorAccessor<T>"
                || key = "ModuleList<T>"
                || key = "ParameterList"
            then
                out
                    (depth + 1)
                    "System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => throw null!;"

            for nested in inner |> Map.tryFind key |> Option.defaultValue [] do
                emit (depth + 1) nested

            out depth "}"

    // Types that are mentioned and not declared become empty classes.
    let rec mentioned t : (string * int) seq =
        match t with
        | ArrayOf item
        | NullableOf item -> mentioned item
        | Named [ name, arguments ] -> Seq.append [ name, arguments.Length ] (Seq.collect mentioned arguments)
        | Named parts -> parts |> Seq.collect snd |> Seq.collect mentioned

    let all =
        lines
        |> Seq.collect (fun l ->
            match l.Member with
            | Type(_, parent) -> Option.toList parent |> Seq.collect mentioned
            | Method(ps, r) -> Seq.append (ps |> Seq.collect (fun p -> mentioned p.Type)) (mentioned r)
            | Constructor ps -> ps |> Seq.collect (fun p -> mentioned p.Type)
            | Property(ps, _, r) -> Seq.append (ps |> Seq.collect (fun p -> mentioned p.Type)) (mentioned r)
            | Field(r, _) -> mentioned r)
        |> Seq.distinct

    let known =
        set
            [
                "int"
                "long"
                "float"
                "double"
                "bool"
                "byte"
                "string"
                "object"
                "void"
                "Int16"
                "SByte"
                "UInt16"
                "UInt64"
                "Char"
                "IntPtr"
                "Half"
                "Complex"
                "ValueTuple"
                "Tuple"
                "Func"
                "Action"
                "IList"
                "List"
                "IEnumerable"
                "IReadOnlyList"
                "ICollection"
                "IDictionary"
                "Dictionary"
                "IEnumerator"
                "Span"
                "ReadOnlySpan"
                "Memory"
                "Array"
                "BinaryReader"
                "BinaryWriter"
                "Stream"
                "IDisposable"
                "CultureInfo"
                "IFormatProvider"
                "Range"
                "Index"
                "AsyncCallback"
                "IAsyncResult"
                "MulticastDelegate"
                "Attribute"
                "IEquatable"
                "KeyValuePair"
                "IComparable"
            ]

    let parameters =
        lines
        |> Seq.collect (fun l -> Seq.append l.TypeParameters (arguments l.Owner |> Seq.map showType))
        |> Set.ofSeq

    let top =
        declared
        |> Map.toSeq
        |> Seq.map (fun (key, _) -> shape typeOf[key])
        |> Set.ofSeq

    let strangers =
        all
        |> Seq.filter (fun (name, count) ->
            not (known.Contains name)
            && not (parameters.Contains name)
            && not (top.Contains $"{name}`{count}")
            && name <> "torch")
        |> List.ofSeq

    out 0 "#pragma warning disable"

    out
        0
        "using System; using System.IO; using System.Numerics; using System.Globalization; using System.Collections.Generic;"

    out 0 "using TorchSharp; using TorchSharp.Modules; using TorchSharp.Utils;"

    let spaceOf key =
        let bare =
            (match typeOf[key] with
             | Named parts -> fst parts.Head
             | t -> showType t)

        directives.Namespaces |> Map.tryFind bare |> Option.defaultValue "TorchSharp"

    for space, keys in
        declared
        |> Map.toSeq
        |> Seq.map fst
        |> Seq.filter (fun k -> (parentKey typeOf[k]).IsNone)
        |> Seq.groupBy spaceOf do
        out 0 $"namespace {space} {{"

        for key in keys do
            emit 1 key

        out 0 "}"

    out 0 "namespace TorchSharp.Modules {"

    for name, count in strangers do
        let generics =
            if count = 0 then
                ""
            else
                let all = [ for i in 1..count -> $"T{i}" ] |> String.concat ", "
                $"<{all}>"
        // Their kind is not known; a value type serves for defaults of enums as for null.
        let isEnum =
            lines
            |> List.exists (fun l ->
                match l.Member with
                | Method(ps, _) ->
                    ps
                    |> List.exists (fun p ->
                        p.Type = Named [ name, [] ] && p.Default.IsSome && p.Default.Value <> "null")
                | _ -> false)

        out
            1
            (if isEnum then
                 $"public enum {name} {{ }}"
             else
                 $"public class {name}{generics} {{ }}")

    out 0 "}"
    text.ToString()
