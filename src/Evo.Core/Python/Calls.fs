namespace Evo.Core.Python

open System
open System.Collections.Generic
open System.Numerics
open Evo.Core

/// What a call is given, its values computed.
type internal Given =
    {
        /// Values without a name, in order.
        Values: Entry list
        /// Values by name, in order.
        Named: (string * Entry) list
    }

/// The few functions and methods that configurations call.
module internal Calls =

    /// Names that are there from the start.
    let builtins =
        [
            "dict"
            "list"
            "tuple"
            "set"
            "int"
            "float"
            "str"
            "bool"
            "len"
            "min"
            "max"
            "abs"
            "round"
        ]

    let private wrong at name (given: Given) : 'a =
        Tokens.refuse
            at
            name
            $"is not called with {given.Values.Length + given.Named.Length} such values here"
            ""

    /// The items of what can be gone through.
    let private items at name (value: Value) : Entry list =
        match value with
        | Items items -> List.ofSeq items
        | FixedItems items
        | Collection items -> items
        | other ->
            Tokens.refuse at name $"does not go through {Values.kind other} here" "write its values out"

    let private distinct (budget: Budget) at (items: Entry list) =
        ([], items)
        ||> List.fold (fun seen item ->
            if
                seen
                |> List.exists (fun (s: Entry) -> Values.equal budget at s.Value item.Value)
            then
                seen
            else
                item :: seen)
        |> List.rev

    /// A set of values: each once, in the order in which they are written.
    let set (budget: Budget) (at: Place) (items: Entry list) : Value = Collection(distinct budget at items)

    /// Puts the entries of a dict, or those that are named, into another.
    let private fill (budget: Budget) at name (target: Scope) (given: Given) =
        match given.Values with
        | [] -> ()
        | [ { Value = Dict entries } ] ->
            budget.Spend(int64 entries.Count, at)

            for pair in List.ofSeq entries do
                target[pair.Key] <- pair.Value
        | _ -> wrong at name given

        for key, entry in given.Named do
            target[key] <- entry

    let private toInt at (value: Value) =
        match value with
        | Values.Number(Whole number) -> Whole number
        | Real number when Double.IsFinite number -> Whole(BigInteger(Math.Truncate number))
        | Text text ->
            match BigInteger.TryParse(text.Trim().Replace("_", "")) with
            | true, number when text.Length <= 300 -> Whole number
            | _ -> Tokens.refuse at (Values.quoted text) "is no whole number" ""
        | other -> Tokens.refuse at "int" $"makes no whole number of {Values.kind other}" ""

    let private toReal at (value: Value) =
        match value with
        | Values.Number number -> Real(Values.toFloat number)
        | Text text ->
            match text.Trim().ToLowerInvariant() with
            | "inf"
            | "+inf"
            | "infinity" -> Real Double.PositiveInfinity
            | "-inf"
            | "-infinity" -> Real Double.NegativeInfinity
            | "nan" -> Real Double.NaN
            | plain ->
                match
                    Double.TryParse(
                        plain.Replace("_", ""),
                        Globalization.NumberStyles.Float,
                        Globalization.CultureInfo.InvariantCulture
                    )
                with
                | true, number -> Real number
                | _ -> Tokens.refuse at (Values.quoted text) "is no number" ""
        | other -> Tokens.refuse at "float" $"makes no number of {Values.kind other}" ""

    let private round at (value: Value) (digits: int) =
        match value with
        | Values.Number(Whole number) -> Whole number
        | Real number when not (Double.IsFinite number) -> value
        | Values.Number number ->
            Real(
                Double.Parse(
                    Values.fixedPoint (Values.toFloat number) digits,
                    Globalization.CultureInfo.InvariantCulture
                )
            )
        | other -> Tokens.refuse at "round" $"does not round {Values.kind other}" ""

    let private length at (value: Value) =
        let count =
            match value with
            | Text text -> text.Length
            | Dict entries -> entries.Count
            | other -> (items at "len" other).Length

        Whole(BigInteger count)

    let private extreme (budget: Budget) at name (values: Entry list) =
        let sign = if name = "min" then "<" else ">"

        let values =
            match values with
            | [ one ] -> items at name one.Value
            | several -> several

        match values with
        | [] -> Tokens.refuse at name "of nothing" ""
        | first :: others ->
            (first.Value, others)
            ||> List.fold (fun best entry ->
                if Operators.compares budget at sign entry.Value best then
                    entry.Value
                else
                    best)

    /// `join(a, b)` of paths: a part that begins at the root begins anew.
    let private joinPaths (parts: string list) =
        parts
        |> List.reduce (fun path part ->
            if part.StartsWith '/' then part
            elif path = "" || path.EndsWith '/' then path + part
            else path + "/" + part)

    let private texts at name (given: Given) =
        given.Values
        |> List.map (fun entry ->
            match entry.Value with
            | Text text -> text
            | other -> Tokens.refuse at name $"needs texts, and this is {Values.kind other}" "")

    let private lookUp (environment: string -> string option) at (given: Given) =
        match given.Values with
        | [ { Value = Text name } ] ->
            match environment name with
            | Some value -> Text value
            | None -> Nothing
        | [ { Value = Text name }; fallback ] ->
            match environment name with
            | Some value -> Text value
            | None -> fallback.Value
        | _ -> wrong at "os.environ.get" given

    /// What a function gives; `environment` is asked for the variables of `os.environ`.
    let func
        (budget: Budget)
        (environment: string -> string option)
        (at: Place)
        (name: string)
        (given: Given)
        : Value =
        budget.Spend(int64 given.Values.Length + int64 given.Named.Length, at)

        match name, given.Values, given.Named with
        | "dict", _, _ ->
            let entries = Scope()
            fill budget at name entries given
            Dict entries
        | "list", [], [] -> Items(ResizeArray())
        | "list", [ one ], [] -> Items(ResizeArray(items at name one.Value))
        | "tuple", [], [] -> FixedItems []
        | "tuple", [ one ], [] -> FixedItems(items at name one.Value)
        | "set", [], [] -> Collection []
        | "set", [ one ], [] -> set budget at (items at name one.Value)
        | "int", [ one ], [] -> toInt at one.Value
        | "float", [ one ], [] -> toReal at one.Value
        | "str", [ one ], [] -> Text(Values.text at one.Value)
        | "bool", [ one ], [] -> Truth(Values.truth one.Value)
        | "len", [ one ], [] -> length at one.Value
        | ("min" | "max"), values, [] when not values.IsEmpty -> extreme budget at name values
        | "abs", [ one ], [] ->
            if Operators.compares budget at "<" one.Value (Whole BigInteger.Zero) then
                Operators.unary at "-" one.Value
            else
                one.Value
        | "round", [ one ], [] ->
            match round at one.Value 0 with
            | Real number -> toInt at (Real number)
            | other -> other
        | "round", [ one; { Value = Whole digits } ], [] when digits.Sign >= 0 && digits <= BigInteger 15 ->
            round at one.Value (int digits)
        | ("os.environ.get" | "os.getenv"), _, [] -> lookUp environment at given
        | "os.path.join", _ :: _, [] -> Text(joinPaths (texts at name given))
        | "os.path.basename", [ _ ], [] ->
            let path = (texts at name given).Head
            Text(path.Substring(path.LastIndexOf '/' + 1))
        | "os.path.dirname", [ _ ], [] ->
            let path = (texts at name given).Head
            Text(path.Substring(0, max 0 (path.LastIndexOf '/')))
        | name, _, _ when List.contains name builtins -> wrong at name given
        | name, _, _ -> Tokens.refuse at name "is not called in a configuration" "write its result out"

    let private ofDict budget at (entries: Scope) name (given: Given) =
        let find key =
            Values.find key entries |> Option.map _.Value

        match name, given.Values, given.Named with
        | "update", _, _ ->
            fill budget at name entries given
            Nothing
        | "copy", [], [] -> Dict(Scope entries)
        | "get", [ { Value = Text key } ], [] -> find key |> Option.defaultValue Nothing
        | "get", [ { Value = Text key }; fallback ], [] -> find key |> Option.defaultValue fallback.Value
        | "pop", [ { Value = Text key } ], [] ->
            match find key with
            | Some value ->
                entries.Remove key |> ignore
                value
            | None -> Tokens.refuse at (Values.quoted key) "is no key of this dict" ""
        | "pop", [ { Value = Text key }; fallback ], [] ->
            let value = find key |> Option.defaultValue fallback.Value
            entries.Remove key |> ignore
            value
        | "setdefault", [ { Value = Text key }; entry ], [] ->
            match find key with
            | Some value -> value
            | None ->
                entries[key] <- entry
                entry.Value
        | _ -> Tokens.refuse at name "is no method of a dict that is read here" ""

    let private ofList at (list: ResizeArray<Entry>) name (given: Given) =
        let room count =
            if list.Count + count > Values.mostItems then
                Tokens.refuse at name "makes a list longer than any of a configuration" ""

        match name, given.Values with
        | "append", [ item ] ->
            room 1
            list.Add item
            Nothing
        | "extend", [ other ] ->
            let other = items at name other.Value
            room other.Length
            list.AddRange other
            Nothing
        | "copy", [] -> Items(ResizeArray list)
        | _ -> Tokens.refuse at name "is no method of a list that is read here" ""

    let private ofText (budget: Budget) at (text: string) name (given: Given) =
        budget.Spend(int64 text.Length, at)

        let bounded (text: string) =
            if text.Length > Values.mostLetters then
                Tokens.refuse at name "makes a text longer than any of a configuration" ""

            budget.Spend(int64 text.Length, at)
            Text text

        match name, given.Values with
        | "lower", [] -> Text(text.ToLowerInvariant())
        | "upper", [] -> Text(text.ToUpperInvariant())
        | "strip", [] -> Text(text.Trim())
        | "startswith", [ { Value = Text part } ] -> Truth(text.StartsWith(part, StringComparison.Ordinal))
        | "endswith", [ { Value = Text part } ] -> Truth(text.EndsWith(part, StringComparison.Ordinal))
        | "replace", [ { Value = Text old }; { Value = Text by } ] when old <> "" ->
            if int64 (text.Length / old.Length) * int64 by.Length > int64 Values.mostLetters then
                Tokens.refuse at name "makes a text longer than any of a configuration" ""

            bounded (text.Replace(old, by, StringComparison.Ordinal))
        | "join", [ one ] ->
            let parts =
                texts
                    at
                    name
                    {
                        Values = items at name one.Value
                        Named = []
                    }

            let letters =
                parts |> List.sumBy (fun part -> int64 part.Length + int64 text.Length)

            if letters > int64 Values.mostLetters then
                Tokens.refuse at name "makes a text longer than any of a configuration" ""

            bounded (String.Join(text, parts))
        | _ ->
            Tokens.refuse
                at
                name
                "is no method of a text that is read here"
                "use an f-string, or write the text out"

    /// What a method of a value gives.
    let ofValue (budget: Budget) (at: Place) (value: Value) (name: string) (given: Given) : Value =
        budget.Spend(1L + int64 given.Values.Length + int64 given.Named.Length, at)

        match value with
        | Dict entries ->
            budget.Spend(int64 entries.Count, at)
            ofDict budget at entries name given
        | Items list ->
            budget.Spend(int64 list.Count, at)
            ofList at list name given
        | Text text -> ofText budget at text name given
        | other -> Tokens.refuse at name $"{Values.kind other} has no such method here" ""
