/// Every rule of every operator is true, and no other is: all placements in small worlds, values and gradients.
module Evo.Core.Tests.AlgebraRules

open Xunit
open Evo.Core
open Evo.Core.Meaning

let private algebra = Algebra.standard ()

let private ranks = [ 2; 3 ]

/// What is true of every operator, found once for all tests here.
let private truth =
    lazy
        [
            for operator in algebra.Operators ->
                operator,
                [
                    for n in ranks do
                        for world in Worlds.even operator.Name n do
                            yield! Soundness.examine Sharding.split algebra operator world
                ]
        ]

let private shown findings =
    findings |> Seq.truncate 12 |> Seq.map string |> String.concat "\n"

[<Fact>]
let ``every operator of the table has a meaning and worlds to try it in, and nothing else has`` () =
    let named = algebra.Operators |> List.map _.Name |> List.sort
    Assert.Equal<string list>(named, Soundness.locals |> Map.toList |> List.map fst)

    for operator in algebra.Operators do
        for n in ranks do
            let worlds = Worlds.even operator.Name n
            Assert.NotEmpty worlds

            for world in worlds do
                Assert.Equal(operator.Inputs.Length, world.Shapes.Length)
                Assert.Equal(operator.Parameters.Length, world.Parameters.Length)

[<Fact>]
let ``every placement that is listed is true, in value and gradient, and every one that is not is false`` () =
    let mutable asked = 0
    let mutable listed = 0

    for operator, findings in truth.Value do
        let wrong = findings |> List.filter (Soundness.isRight >> not)
        Assert.True(wrong.IsEmpty, shown wrong)
        let rules = findings |> List.filter (fun finding -> finding.Listed.IsSome)
        // Each combination is tried with every placement of the output.
        asked <- asked + findings.Length
        listed <- listed + rules.Length
        printfn $"{operator.Name}: {findings.Length} combinations of placements, {rules.Length} listed"

    printfn
        $"{algebra.Operators.Length} operators: {asked} combinations of placements, {listed} listed and true, {asked - listed} unlisted and false"

    Assert.True(listed > 900 && asked > 3000, $"{asked}, {listed}")

/// What an operator, as it might be, says of a combination that was examined.
let private saidBy (operator: Operator) (finding: Soundness.Finding) =
    operator.Output(finding.Inputs, finding.World.Shapes |> List.map _.Length, finding.World.Parameters)

/// Whether an operator says all that is true and nothing else.
let private isRight findings (operator: Operator) =
    findings
    |> List.forall (fun (finding: Soundness.Finding) ->
        Option.toList (saidBy operator finding) = finding.True)

/// Whether a rule says nothing that is false, with no other rule before it.
let private isTrue findings (operator: Operator) (rule: OperatorRule) =
    let alone = { operator with Rules = [ rule ] }

    findings
    |> List.forall (fun (finding: Soundness.Finding) ->
        saidBy alone finding
        |> Option.forall (fun said -> List.contains said finding.True))

[<Fact>]
let ``every rule is true by itself: the order of the rules means nothing`` () =
    for operator, findings in truth.Value do
        for rule in operator.Rules do
            Assert.True(isTrue findings operator rule, $"{operator.Name}: {rule}")

        Assert.True(
            isRight
                findings
                { operator with
                    Rules = List.rev operator.Rules
                },
            operator.Name
        )

[<Fact>]
let ``a table that lacks a rule, or whose rule has another output or one condition less, is found wrong`` () =
    let mutable mutants = 0

    let wrong (operator: Operator) rule isWrong =
        mutants <- mutants + 1
        Assert.True(isWrong, $"{operator.Name}: {rule} is not found to be wrong")

    let outputs =
        [
            OneOf [ PlacementKind.R ]
            OneOf [ PlacementKind.I ]
            OneOf [ PlacementKind.P ]
            for dim in 0..3 do
                ShardedOn { Terms = [ true, DimTerm.Number dim ] }
        ]

    for operator, findings in truth.Value do
        for i, rule in List.indexed operator.Rules do
            let without =
                { operator with
                    Rules = List.removeAt i operator.Rules
                }

            wrong operator $"without {rule}" (not (isRight findings without))

            for output in outputs do
                let mutant = { rule with Output = output }

                // Where an operator has one dim only, S(0) and the name that is bound to it are one thing.
                let same =
                    findings
                    |> List.forall (fun finding ->
                        saidBy { operator with Rules = [ rule ] } finding =
                            saidBy { operator with Rules = [ mutant ] } finding)

                if not same then
                    let mutated =
                        { operator with
                            Rules = List.updateAt i mutant operator.Rules
                        }

                    wrong operator mutant (not (isRight findings mutated))

            for condition in rule.Conditions do
                let mutant =
                    { rule with
                        Conditions = List.except [ condition ] rule.Conditions
                    }

                wrong operator mutant (not (isTrue findings operator mutant))

    printfn $"{mutants} wrong tables, all found"

[<Fact>]
let ``where the ranks do not divide the dims every rule holds but those of three views`` () =
    let holds (operator: Operator) =
        ranks
        |> List.forall (fun n ->
            Worlds.uneven operator.Name n
            |> List.forall (fun world ->
                Soundness.examine Sharding.split algebra operator world
                |> List.forall (fun finding ->
                    finding.Listed
                    |> Option.forall (fun listed -> List.contains listed finding.True))))

    Assert.Equal<string list>(
        [ "repeat_heads"; "flatten"; "unflatten" ],
        algebra.Operators |> List.filter (holds >> not) |> List.map _.Name
    )

[<Fact>]
let ``the addends of a partial value are nasty: of both signs, none zero, none the whole, no two alike`` () =
    for n in 2..4 do
        for seed in 1UL .. 50UL do
            let x = Tensor.random seed [ 12 ]
            let pieces = Sharding.split (seed + 1000UL) n x
            Assert.Equal(x, Tensor.sum pieces)

            for i in 0 .. x.Data.Length - 1 do
                let addends = pieces |> List.map (fun piece -> piece.Data[i])
                Assert.Equal(n, (List.distinct addends).Length)
                Assert.DoesNotContain(0L, addends)
                Assert.DoesNotContain(x.Data[i], addends)

            for piece in pieces do
                Assert.Contains(piece.Data, fun value -> value < 0L)
                Assert.Contains(piece.Data, fun value -> value > 0L)

            // Two operands are not split alike.
            let other = Sharding.split (seed + 1001UL) n x
            Assert.All(List.zip pieces other, fun (a, b) -> Assert.NotEqual(a, b))

/// Addends that agree by accident: equal shares.
let private equalShares: Sharding.Splitter =
    fun n x -> List.replicate n (Tensor.map (Modular.multiply (Modular.inverse (int64 n))) x)

[<Fact>]
let ``addends that are not nasty make false rules look true, and nasty ones do not`` () =
    let truths splitter name inputs =
        let operator = algebra.Operators |> List.find (fun operator -> operator.Name = name)
        let world = (Worlds.even name 2).Head
        Soundness.Trial(algebra, operator, world, splitter).Truths inputs

    let nasty = truths Sharding.split

    // (x / n) / (y / n) is the quotient, on every rank.
    Assert.Contains(Replicated, truths (fun _ -> equalShares) "divide" [ Partial; Partial ])
    Assert.Empty(nasty "divide" [ Partial; Partial ])
    Assert.Empty(nasty "multiply" [ Partial; Partial ])
    Assert.Equal<Placement list>([ Partial ], nasty "multiply" [ Partial; Replicated ])

[<Fact>]
let ``a placement that is right in value and wrong in gradient is refused`` () =
    let truths name inputs =
        let operator = algebra.Operators |> List.find (fun operator -> operator.Name = name)
        Soundness.Trial(algebra, operator, (Worlds.even name 2).Head, Sharding.split).Truths inputs

    // The column-parallel linear of an invariant input: the product is right, and its gradient would lack the sum that
    // the backward of `copy` is.
    Assert.Empty(truths "linear" [ Invariant; Sharded 0 ])
    Assert.Equal<Placement list>([ Sharded 2 ], truths "linear" [ Replicated; Sharded 0 ])
    // The gain of a norm over a slice of the sequence.
    Assert.Empty(truths "norm" [ Sharded 1; Invariant ])
    Assert.Equal<Placement list>([ Sharded 1 ], truths "norm" [ Sharded 1; Replicated ])

[<Fact>]
let ``the tape knows the derivatives of sums, products and quotients`` () =
    let tape = Tape()
    let a, b, c = tape.Leaf 3L, tape.Leaf 5L, tape.Leaf 7L
    // (a b - c) / (a - 2 c) = 8 / -11
    let top = tape.Subtract(tape.Multiply(a, b), c)
    let bottom = tape.Add(a, tape.Scale(-2L, c))
    let quotient = tape.Divide(top, bottom)
    let gradient = tape.Gradients [ quotient, 121L ]
    // 121 (b · -11 - 8) / 121, 121 a / -11, 121 (-1 · -11 + 2 · 8) / 121
    Assert.Equal(-63L, gradient a)
    Assert.Equal(-33L, gradient b)
    Assert.Equal(27L, gradient c)
    Assert.Equal(-88L, Modular.multiply 121L (tape.Value quotient))
