/// A public surface, read by reflection and written in the words of the list of TorchSharp's signatures.
module Evo.Torch.Tests.Reference.Reflected

open System
open System.Globalization
open System.Reflection

let private words =
    dict
        [
            typeof<int>, "int"
            typeof<int64>, "long"
            typeof<float32>, "float"
            typeof<float>, "double"
            typeof<bool>, "bool"
            typeof<byte>, "byte"
            typeof<string>, "string"
            typeof<obj>, "object"
            typeof<Void>, "void"
        ]

let private element (t: Type) : Type =
    match t.GetElementType() with
    | null -> invalidArg (nameof t) $"{t} has no element type"
    | item -> item

let rec name (t: Type) : string =
    if t.IsByRef then
        name (element t)
    elif words.ContainsKey t then
        words[t]
    elif t.IsArray then
        name (element t) + "[]"
    elif t.IsGenericParameter then
        t.Name
    elif t.IsGenericType && t.GetGenericTypeDefinition() = typedefof<Nullable<_>> then
        name (t.GetGenericArguments()[0]) + "?"
    else
        let bare =
            match t.Name.IndexOf '`' with
            | -1 -> t.Name
            | at -> t.Name[.. at - 1]

        let outer =
            match t.DeclaringType with
            | null -> ""
            | declaring when t.IsGenericType && declaring.IsGenericTypeDefinition ->
                let arguments =
                    t.GetGenericArguments()[.. declaring.GetGenericArguments().Length - 1]

                name (declaring.MakeGenericType arguments) + "."
            | declaring -> name declaring + "."

        match t.GetGenericArguments() with
        | [||] -> outer + bare
        | arguments -> $"""{outer}{bare}<{arguments |> Seq.map name |> String.concat ", "}>"""

let private value (v: obj | null) =
    match v with
    | null -> "null"
    | :? bool as b -> if b then "true" else "false"
    | :? string as s -> $"\"{s}\""
    | :? Enum as e -> Convert.ToInt64(e).ToString CultureInfo.InvariantCulture
    | v -> Convert.ToString(v, CultureInfo.InvariantCulture) |> string

let private parameter (p: ParameterInfo) =
    let passing =
        if p.IsOut then "out ref "
        elif p.ParameterType.IsByRef then "ref "
        else ""

    let standing =
        if p.HasDefaultValue then
            " = " + value p.DefaultValue
        else
            ""

    $"{passing}{name p.ParameterType} {p.Name}{standing}"

let private list (ps: ParameterInfo seq) =
    ps |> Seq.map parameter |> String.concat ", "

let private generics (m: MethodInfo) =
    match m.GetGenericArguments() with
    | [||] -> ""
    | arguments -> $"""<{arguments |> Seq.map _.Name |> String.concat ","}>"""

let private kind (t: Type) =
    if t.IsEnum then "enum"
    elif t.IsInterface then "interface"
    elif t.IsValueType then "struct"
    elif t.IsAbstract && t.IsSealed then "static class"
    elif t.IsAbstract then "abstract class"
    elif t.IsSealed then "sealed class"
    else "class"

let private seen (m: MethodBase) =
    m.IsPublic || m.IsFamily || m.IsFamilyOrAssembly

/// The lines of one type: its own and those of the members that it declares, public and protected.
let linesOf (t: Type) : string list =
    let own = name t

    let parent =
        match t.BaseType with
        | null -> ""
        | b when t.IsEnum || t.IsValueType || b = typeof<obj> -> ""
        | b -> " : " + name b

    let all =
        BindingFlags.Public
        ||| BindingFlags.NonPublic
        ||| BindingFlags.Instance
        ||| BindingFlags.Static
        ||| BindingFlags.DeclaredOnly

    [
        yield $"{own}  [{kind t}{parent}]"
        if not (typeof<Delegate>.IsAssignableFrom t) then
            for c in t.GetConstructors all do
                if seen c && not c.IsStatic then
                    yield $"{own}.ctor({list (c.GetParameters())})"

            for m in t.GetMethods all do
                let accessor = m.IsSpecialName && not (m.Name.StartsWith "op_")

                if seen m && not accessor && not (m.Name.Contains '.') then
                    let flags =
                        [
                            if m.IsStatic then
                                " static"
                            if m.IsFamily || m.IsFamilyOrAssembly then
                                " protected"
                        ]
                        |> String.concat ""

                    yield
                        $"{own}.{m.Name}{generics m}({list (m.GetParameters())}) : {name m.ReturnType}{flags}"

            for p in t.GetProperties all do
                let open' (m: MethodInfo | null) =
                    match m with
                    | null -> false
                    | m -> m.IsPublic

                if (open' p.GetMethod || open' p.SetMethod) && not (p.Name.Contains '.') then
                    let accessors =
                        [
                            if open' p.GetMethod then
                                "get;"
                            if open' p.SetMethod then
                                "set;"
                        ]
                        |> String.concat " "

                    let index =
                        match p.GetIndexParameters() with
                        | [||] -> ""
                        | ps -> $"[{list ps}]"

                    yield $"{own}.{p.Name}{index} {{ {accessors} }} : {name p.PropertyType}"

            for f in t.GetFields all do
                if f.IsPublic then
                    let constant =
                        if f.IsLiteral then
                            " = " + value (f.GetRawConstantValue())
                        else
                            ""

                    yield $"{own}.{f.Name} : {name f.FieldType}{constant}"
    ]

/// The lines of all public types of a namespace and of those below it, sorted.
let surface (assembly: Assembly) (space: string) : string list =
    assembly.GetTypes()
    |> Seq.filter (fun t ->
        match t.Namespace with
        | null -> false
        | n -> (n = space || n.StartsWith(space + ".")) && (t.IsVisible || t.IsNestedFamily))
    |> Seq.collect linesOf
    |> Seq.distinct
    |> Seq.sortWith (fun a b -> String.CompareOrdinal(a, b))
    |> List.ofSeq
