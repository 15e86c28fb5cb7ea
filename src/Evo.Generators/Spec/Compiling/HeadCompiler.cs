// The end of a model in one mode: logits, and head with cross entropy together.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Emitting;

namespace Evo.Generators.Spec.Compiling;

/// <summary>The statements of both, and where their ranks talk.</summary>
internal sealed record HeadProgram(IReadOnlyList<Statement> Loss, IReadOnlyList<Statement> Logits, IReadOnlyList<Site> Sites);

internal sealed class HeadCompiler
{
    private readonly PartSpec head;
    private readonly Mode mode;
    private readonly AlgebraTable algebra;
    private readonly List<Site> sites = new();
    private readonly int firstSite;
    private List<Statement> body = new();

    private HeadCompiler(PartSpec head, Mode mode, AlgebraTable algebra, int firstSite) =>
        (this.head, this.mode, this.algebra, this.firstSite) = (head, mode, algebra, firstSite);

    private static Placement R => Placement.Replicated;

    private static Placement I => Placement.Invariant;

    private static Placement P => Placement.Partial;

    private static Placement S(int dim) => Placement.Sharded(dim);

    private string Table => $"own.{head.Method}Table";

    private string Hidden => $"batch * length * {Names.Atom(head.Sizes[0])}";

    /// <summary>Compiles the head of a model whose hidden states are at the mode's own placement.</summary>
    public static HeadProgram Compile(PartSpec head, Mode mode, AlgebraTable algebra, int firstSite)
    {
        var compiler = new HeadCompiler(head, mode, algebra, firstSite);
        compiler.Loss();
        var loss = compiler.body;
        compiler.body = new();
        compiler.Logits();
        return new HeadProgram(loss, compiler.body, compiler.sites);
    }

    private void Loss()
    {
        var table = PartEmitter.HeadTable(head, Table);
        if (mode == Mode.Serial)
        {
            body.Add(new Give($"{Names.Ops}.LinearCrossEntropy(hidden.flatten(0, 1), {table}, labels.flatten(), labelSmoothing, zLoss)"));
            return;
        }

        if (mode == Mode.Isp)
        {
            // Each rank takes the loss of its own tokens over the whole vocabulary; its count of right guesses and its z-loss travel with it.
            var whole = Gathered();
            body.Add(new Let("(sum_P, _, right_P, z_P)", $"{Names.Ops}.LinearCrossEntropy(hidden.flatten(0, 1), {PartEmitter.HeadTable(head, whole)}, {Names.Shard}.Own(tensor, labels, 1).flatten(), labelSmoothing, zLoss)"));
            body.Add(new Let("figures_P", $"{Names.Shard}.Figures(sum_P, right_P, z_P)"));
            var figures = Step(algebra.Step(P, I)!, "tensor", "figures_P", "figures_I", "3", false);
            body.Add(new Give($"{Names.Shard}.Loss({figures}, labels)"));
            return;
        }

        // The vocabulary is spread over the ranks: each has the logits of its entries for all tokens.
        var hidden = Step(mode == Mode.Mtp ? algebra.Step(I, R)! : algebra.Step(S(1), R)!, "tensor", "hidden", "hidden_R", Hidden, false);
        var site = New("cross_entropy", "tensor", "S(2)", "I", "logits", $"3 * batch * length", false);
        body.Add(new Give($"{Names.Vocabulary}.LinearCrossEntropy(tensor, {hidden}.flatten(0, 1), {table}, labels.flatten(), {head.Sizes[1]}, labelSmoothing, zLoss, {site})"));
    }

    private void Logits()
    {
        if (mode == Mode.Serial)
        {
            body.Add(new Give($"{Names.Ops}.Linear(hidden, {PartEmitter.HeadTable(head, Table)})"));
            return;
        }

        var count = $"batch * length * {Names.Atom(head.Sizes[1])}";
        if (mode == Mode.Isp)
        {
            var whole = Gathered();
            body.Add(new Let("logits_S1", $"{Names.Ops}.Linear(hidden, {PartEmitter.HeadTable(head, whole)})"));
            body.Add(new Give(Step(algebra.Step(S(1), I)!, "tensor", "logits_S1", "logits_I", count, false)));
            return;
        }

        var hidden = Step(mode == Mode.Mtp ? algebra.Step(I, R)! : algebra.Step(S(1), R)!, "tensor", "hidden", "hidden_R", Hidden, false);
        body.Add(new Let("logits_S2", $"{Names.Ops}.Linear({hidden}, {PartEmitter.HeadTable(head, Table)})"));
        // The last ranks' shares may be padded; what is beyond the vocabulary goes.
        body.Add(new Give(Step(algebra.Step(S(2), I)!, "tensor", "logits_S2", "logits_I", count, false) + $".narrow(2, 0, {head.Sizes[1]})"));
    }

    private string Gathered()
    {
        var step = algebra.Step(S(0), R)!;
        var site = New(step.Collective.Name, "weight", "S(0)", "R", head.Method, Names.Product(head.Sizes), true);
        body.Add(new Let("table_R", $"{Names.Shard}.Gather(weight, {Table}, {head.Sizes[1]}, {site})", Comment(site, step, "weight")));
        return "table_R";
    }

    private string Step(CollectiveStep step, string axis, string code, string name, string elements, bool isWeight)
    {
        var site = New(step.Collective.Name, axis, ModeCompiler.Show(step.From), ModeCompiler.Show(step.To), LocalNames.Word(code), elements, isWeight);
        body.Add(new Let(name, ModeCompiler.CollectiveCall(step, axis, code, site), Comment(site, step, axis)));
        return name;
    }

    private int New(string collective, string axis, string from, string to, string of, string elements, bool isWeight)
    {
        var number = firstSite + sites.Count;
        sites.Add(new Site(number, collective, axis, from, to, of, elements, isWeight, ""));
        return number;
    }

    private string Comment(int site, CollectiveStep step, string axis) => ModeCompiler.Comment(site, step, axis, algebra);
}
