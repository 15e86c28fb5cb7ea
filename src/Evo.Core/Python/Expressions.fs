namespace Evo.Core.Python

open System
open System.Collections.Generic
open System.Numerics
open System.Text
open Evo.Core

/// Computes the values of expressions, in the names of a file.
[<Sealed>]
type internal Expressions(budget: Budget, environment: string -> string option) =


    let rec value (scope: Scope) (expression: Expression) : Value =
        let at = expression.At
        let eval = value scope
        budget.Spend(1L, at)

        match expression.Node with
        | NoneLiteral -> Nothing
        | BoolLiteral truth -> Truth truth
        | IntLiteral number -> Whole number
        | FloatLiteral number -> Real number
        | TextLiteral parts -> Text(text scope at parts)
        | Name name ->
            match Values.find name scope with
            | Some entry -> entry.Value
            | _ when List.contains name Calls.builtins -> Known name
            | _ -> Values.unknown at name scope.Keys
        | ListLiteral items -> Items(ResizeArray(List.map (entry scope) items))
        | TupleLiteral items -> FixedItems(List.map (entry scope) items)
        | SetLiteral items -> Calls.set budget at (List.map (entry scope) items)
        | DictLiteral pairs -> dict scope pairs
        | Member(owner, name) -> memberOf at (eval owner) name
        | Item(owner, index) -> item at (eval owner) (eval index)
        | Call(callee, arguments) ->
            let callee = eval callee
            let given = arguments |> this scope

            match callee with
            | Known name -> Calls.func budget environment at name given
            | Method(owner, name) -> Calls.ofValue budget at owner name given
            | other -> Tokens.refuse at "" $"{Values.kind other} is called like a function" ""
        | Unary(sign, operand) -> Operators.unary at sign (eval operand)
        | Binary(sign, left, right) -> Operators.binary budget at sign (eval left) (eval right)
        | Comparison(first, others) ->
            let rec holds left rest =
                match rest with
                | [] -> true
                | (sign, right) :: rest ->
                    let right = eval right

                    match sign, left, right with
                    | ("in" | "not in"), Text name, Known "os.environ" ->
                        ((environment name).IsSome = (sign = "in")) && holds right rest
                    | _ -> Operators.compares budget at sign left right && holds right rest

            Truth(holds (eval first) others)
        | And(left, right) ->
            let left = eval left
            if Values.truth left then eval right else left
        | Or(left, right) ->
            let left = eval left
            if Values.truth left then left else eval right
        | Conditional(test, yes, no) -> if Values.truth (eval test) then eval yes else eval no

    and entry scope (expression: Expression) : Entry =
        {
            NameAt = expression.At
            At = expression.At
            Value = value scope expression
        }

    and text scope at (parts: TextPart list) : string =
        let result = StringBuilder()

        for part in parts do
            match part with
            | Letters letters -> result.Append letters |> ignore
            | Field(field, conversion, spec) ->
                let value = value scope field

                let shown =
                    match conversion with
                    | Some 'r' -> Format.write field.At spec (Text(Format.shown field.At value))
                    | Some _ -> Format.write field.At spec (Text(Values.text field.At value))
                    | None -> Format.write field.At spec value

                result.Append shown |> ignore

            budget.Spend(int64 result.Length, at)

            if result.Length > Values.mostLetters then
                Tokens.refuse at "" "is longer than any text of a configuration" ""

        result.ToString()

    and key scope (expression: Expression) : string =
        match value scope expression with
        | Text text -> text
        | other -> Tokens.refuse expression.At (Values.kind other) "a key of a dict must be a text here" ""

    and dict scope (pairs: DictEntry list) : Value =
        let entries = Scope()

        for pair in pairs do
            match pair with
            | Pair(name, content) ->
                let text = key scope name

                entries[text] <-
                    { entry scope content with
                        NameAt = name.At
                    }
            | Spread other ->
                match value scope other with
                | Dict others ->
                    budget.Spend(int64 others.Count, other.At)

                    for pair in others do
                        entries[pair.Key] <- pair.Value
                | other' -> Tokens.refuse other.At "**" $"spreads a dict, and this is {Values.kind other'}" ""

        Dict entries

    and this scope (arguments: Argument list) : Given =
        let named = Scope()

        let name at key (entry: Entry) =
            if not (named.TryAdd(key, { entry with NameAt = at })) then
                Tokens.refuse at key "is given twice" "keep one of the two"

        let values =
            [
                for argument in arguments do
                    match argument with
                    | Positional value -> entry scope value
                    | Keyword(key, at, content) -> name at key (entry scope content)
                    | SpreadArgument other ->
                        match value scope other with
                        | Dict others ->
                            budget.Spend(int64 others.Count, other.At)

                            for pair in others do
                                name pair.Value.NameAt pair.Key pair.Value
                        | other' ->
                            Tokens.refuse other.At "**" $"spreads a dict, and this is {Values.kind other'}" ""
            ]

        {
            Values = values
            Named = [ for pair in named -> pair.Key, pair.Value ]
        }

    and memberOf at (owner: Value) (name: string) : Value =
        match owner with
        | Known("os" | "os.path" | "os.environ" as owner) ->
            match owner + "." + name with
            | "os.environ"
            | "os.path"
            | "os.getenv"
            | "os.environ.get"
            | "os.path.join"
            | "os.path.basename"
            | "os.path.dirname" as known -> Known known
            | unknown -> Tokens.refuse at unknown "is not read in a configuration" "write its value out"
        | Dict entries ->
            match Values.find name entries with
            | Some entry -> entry.Value
            | _ -> Method(owner, name)
        | Items _
        | Text _ -> Method(owner, name)
        | other -> Tokens.refuse at name $"{Values.kind other} has no such member here" ""

    and item at (owner: Value) (index: Value) : Value =
        let among (items: IReadOnlyList<Entry>) =
            match index with
            | Values.Number(Whole index) ->
                let index =
                    if index.Sign < 0 then
                        index + BigInteger items.Count
                    else
                        index

                if index.Sign < 0 || index >= BigInteger items.Count then
                    Tokens.refuse at (string index) $"is beyond the {items.Count} values here" ""

                items[int index].Value
            | other -> Tokens.refuse at "" $"{Values.kind other} is no place in a list" ""

        match owner, index with
        | Known "os.environ", Text name ->
            match environment name with
            | Some value -> Text value
            | None ->
                Tokens.refuse
                    at
                    name
                    "this variable of the environment is not set"
                    $"set it before the command: {name}=… evo …"
        | Dict entries, Text key ->
            match Values.find key entries with
            | Some entry -> entry.Value
            | _ -> Values.unknown at key entries.Keys
        | Items items, _ -> among items
        | FixedItems items, _ -> among (Array.ofList items)
        | _ ->
            Tokens.refuse at "" $"{Values.kind owner} has no place {Values.kind index} that is read here" ""

    member _.Value(scope: Scope, expression: Expression) : Value = value scope expression

    /// A value with the place where it is written.
    member _.Entry(scope: Scope, expression: Expression) : Entry = entry scope expression

    /// `owner.name`
    member _.Member(at: Place, owner: Value, name: string) : Value = memberOf at owner name
