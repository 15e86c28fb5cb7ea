/// The list of signatures as classes: which is inside which, what it has, what it overrides.
module Evo.Torch.Tests.Reference.Catalogue

open Signatures
open Words

type Catalogue =
    {
        /// Kind and base of each class, by the text of its name without spaces.
        Declared: Map<string, string * TypeName option>
        TypeOf: Map<string, TypeName>
        MembersOf: Map<string, Line list>
        /// The classes inside a class.
        Inner: Map<string, string list>
        /// The classes inside none.
        Top: string list
        Enums: Set<string>
        /// Types that are named and not declared, with the number of their type arguments, and whether a default that is
        /// a number shows them to be enums.
        Strangers: (string * int * bool) list
    }

let keyOf t = (showType t).Replace(", ", ",")

/// Types of .NET that the list names.
let private system =
    "int long float double bool byte string object void Int16 SByte UInt16 UInt64 Char IntPtr Half Complex ValueTuple Tuple Func Action IList List IEnumerable IReadOnlyList ICollection IDictionary Dictionary IEnumerator Span ReadOnlySpan Memory Array BinaryReader BinaryWriter Stream IDisposable CultureInfo IFormatProvider Range Index AsyncCallback IAsyncResult MulticastDelegate Attribute IEquatable KeyValuePair IComparable torch"
        .Split
        ' '
    |> set

let private typesOf (line: Line) =
    match line.Member with
    | Type(_, parent) -> Option.toList parent
    | Method(ps, result)
    | Property(ps, _, result) -> result :: (ps |> List.map _.Type)
    | Constructor ps -> ps |> List.map _.Type
    | Field(result, _) -> [ result ]

let private parametersOf (line: Line) =
    match line.Member with
    | Method(ps, _) -> ps
    | _ -> []

/// Arrays of several dimensions read as arrays of one in the list: the first of each signature stands.
let private signature (line: Line) =
    match line.Member with
    | Method(ps, r) ->
        let result = if line.Name.StartsWith "op_" then showType r else ""

        let types =
            ps |> List.map (fun p -> p.Passing + showType p.Type) |> String.concat ","

        $"{line.Name}`{line.TypeParameters.Length}({types}){result}"
    | _ -> line.Text

let make (lines: Line list) : Catalogue =
    let lines = List.distinctBy _.Text lines

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
        declared
        |> Map.toSeq
        |> Seq.map (fun (key, _) -> shape typeOf[key], key)
        |> Map.ofSeq

    let outer key =
        match typeOf[key] with
        | Named parts when parts.Length > 1 ->
            byShape |> Map.tryFind (shape (Named parts[.. parts.Length - 2]))
        | _ -> None

    let inside, top =
        declared
        |> Map.toList
        |> List.map fst
        |> List.partition (fun key -> (outer key).IsSome)

    let generic =
        lines
        |> Seq.collect (fun l -> l.TypeParameters @ (arguments l.Owner |> List.map showType))
        |> Set.ofSeq

    let isEnum name =
        lines
        |> Seq.collect parametersOf
        |> Seq.exists (fun p ->
            p.Type = Named [ name, [] ] && p.Default |> Option.exists (fun d -> d <> "null"))

    {
        Declared = declared
        TypeOf = typeOf
        MembersOf =
            lines
            |> List.filter (fun l ->
                match l.Member with
                | Type _ -> false
                | _ -> true)
            |> List.groupBy (fun l -> keyOf l.Owner)
            |> List.map (fun (key, members) -> key, List.distinctBy signature members)
            |> Map.ofList
        Inner = inside |> List.groupBy (outer >> Option.get) |> Map.ofList
        Top = top
        Enums =
            declared
            |> Map.filter (fun _ (kind, _) -> kind = "enum")
            |> Map.keys
            |> Set.ofSeq
        Strangers =
            lines
            |> List.collect typesOf
            |> List.collect mentioned
            |> List.distinct
            |> List.filter (fun (name, count) ->
                not (
                    system.Contains name
                    || generic.Contains name
                    || byShape.ContainsKey $"{name}`{count}"
                ))
            |> List.map (fun (name, count) -> name, count, isEnum name)
    }

/// The virtual method of that name and these parameters that stands above a class.
let overridden (c: Catalogue) (key: string) (name: string) (parameters: TypeName list) : Line option =
    let byShape =
        c.TypeOf |> Map.toSeq |> Seq.map (fun (key, t) -> shape t, key) |> Map.ofSeq

    let rec above (parent: TypeName option) =
        parent
        |> Option.bind (fun parent ->
            byShape |> Map.tryFind (shape parent) |> Option.map (fun key -> key, parent))
        |> Option.bind (fun (key, parent) ->
            let map =
                List.zip (arguments c.TypeOf[key] |> List.map showType) (arguments parent)
                |> Map.ofList

            let matches (l: Line) =
                match l.Member with
                | Method(ps, _) ->
                    l.Name = name
                    && (List.contains "virtual" l.Flags || List.contains "abstract" l.Flags)
                    && ps |> List.map (fun p -> substitute map p.Type) = parameters
                | _ -> false

            c.MembersOf
            |> Map.tryFind key
            |> Option.bind (List.tryFind matches)
            |> Option.orElseWith (fun () -> above (snd c.Declared[key] |> Option.map (substitute map))))

    above (snd c.Declared[key])
