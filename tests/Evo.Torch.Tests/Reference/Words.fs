/// The words of the list of signatures as words of C#.
module Evo.Torch.Tests.Reference.Words

open Microsoft.CodeAnalysis.CSharp
open Signatures

let private isKeyword (word: string) =
    SyntaxFacts.GetKeywordKind word <> SyntaxKind.None

let private builtIn =
    "int long float double bool byte string object short char void".Split ' ' |> set

/// A member's or parameter's name.
let escape name =
    if isKeyword name then "@" + name else name

/// A type. A nested class repeats its container's type parameters in the list; in C# it must not.
let rec csharp (t: TypeName) =
    match t with
    | ArrayOf item -> csharp item + "[]"
    | NullableOf item -> csharp item + "?"
    | Named [ name, [] ] when builtIn.Contains name -> name
    | Named [ "ValueTuple", items ] -> $"""({items |> List.map csharp |> String.concat ", "})"""
    | Named parts ->
        parts
        |> List.mapi (fun i (name, arguments) ->
            if arguments.IsEmpty || (i > 0 && snd parts[i - 1] = arguments) then
                escape name
            else
                $"""{escape name}<{arguments |> List.map csharp |> String.concat ", "}>""")
        |> String.concat "."

/// A result type with names for the parts of its tuple.
let rec csharpWith (names: string list) (t: TypeName) =
    match t with
    | Named [ "ValueTuple", items ] when items.Length = names.Length ->
        let parts = List.map2 (fun item name -> $"{csharp item} {name}") items names
        $"""({String.concat ", " parts})"""
    | Named [ name, [ Named [ "ValueTuple", _ ] as item ] ] -> $"{name}<{csharpWith names item}>"
    | other -> csharp other

/// The default of a parameter, with " = " before it.
let standing (enums: Set<string>) (p: Signatures.Parameter) =
    match p.Default, p.Type with
    | None, _ -> ""
    | Some "null", Named [ ("ReadOnlySpan" | "Span"), _ ] -> " = default"
    | Some value, t when enums.Contains(showType t) -> $" = ({csharp t})({value})"
    | Some value, Named [ "float", [] ] -> $" = {value}f"
    | Some value, _ -> $" = {value}"

let operators =
    "op_Addition + op_Subtraction - op_Multiply * op_Division / op_Modulus % op_BitwiseAnd & op_BitwiseOr | op_ExclusiveOr ^ op_Equality == op_Inequality != op_LessThan < op_LessThanOrEqual <= op_GreaterThan > op_GreaterThanOrEqual >= op_UnaryNegation - op_OnesComplement ~"
        .Split
        ' '
    |> Array.chunkBySize 2
    |> Array.map (fun pair -> pair[0], pair[1])
    |> Map.ofArray

/// Puts type arguments in the place of type parameters.
let rec substitute (map: Map<string, TypeName>) (t: TypeName) =
    match t with
    | ArrayOf item -> ArrayOf(substitute map item)
    | NullableOf item -> NullableOf(substitute map item)
    | Named [ name, [] ] when map.ContainsKey name -> map[name]
    | Named parts ->
        parts
        |> List.map (fun (name, arguments) -> name, arguments |> List.map (substitute map))
        |> Named

/// A class without the names of its type parameters: Module`2.
let shape (t: TypeName) =
    match t with
    | Named parts ->
        parts
        |> List.map (fun (name, arguments) -> $"{name}`{arguments.Length}")
        |> String.concat "."
    | other -> showType other

/// The last name of a class, without type parameters.
let simple (t: TypeName) =
    match t with
    | Named parts -> fst (List.last parts)
    | other -> showType other

let arguments (t: TypeName) =
    match t with
    | Named parts -> parts |> List.collect snd
    | _ -> []

/// The names of the types that a type is made of, with the numbers of their arguments.
let rec mentioned (t: TypeName) : (string * int) list =
    match t with
    | ArrayOf item
    | NullableOf item -> mentioned item
    | Named [ name, arguments ] -> (name, arguments.Length) :: List.collect mentioned arguments
    | Named parts -> parts |> List.collect snd |> List.collect mentioned
