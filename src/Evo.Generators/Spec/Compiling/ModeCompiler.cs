// Compiles a forward for one mode: gives every value a placement on the mesh axis that its tokens or features are spread over,
// and puts a collective wherever a value is needed at another placement than it has. What is needed where is the algebra's to
// say; the backward of each collective is its dual, so a forward that fits is a backward that fits.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Emitting;

namespace Evo.Generators.Spec.Compiling;

internal sealed partial class ModeCompiler
{
    private readonly BlockSpec block;
    private readonly Mode mode;
    private readonly AlgebraTable algebra;
    private readonly Shapes shapes;
    private readonly Tracing tracing;
    private readonly Fusions fusions;
    private readonly Dictionary<string, PartSpec> parts;
    private readonly LocalNames names;
    private readonly List<Site> sites = new();
    private readonly List<Degree> degrees = new();
    private readonly List<string> weightOrder = new();
    private readonly List<Finding> findings = new();
    private readonly Dictionary<string, string> elements = new();
    private readonly int firstSite;
    private (int At, string Input, string Output)? cut;
    private readonly Stack<string> conditions = new();
    private Scope scope = new();

    private ModeCompiler(BlockSpec block, Mode mode, AlgebraTable algebra, int firstSite)
    {
        (this.block, this.mode, this.algebra, this.firstSite) = (block, mode, algebra, firstSite);
        shapes = Shapes.OfBlock(block);
        tracing = new Tracing(block, shapes);
        fusions = new Fusions(block, shapes);
        parts = block.Parts.ToDictionary(p => p.Method);
        names = new LocalNames(block);
    }

    private static Placement R => Placement.Replicated;

    private static Placement I => Placement.Invariant;

    private static Placement P => Placement.Partial;

    private static Placement S(int dim) => Placement.Sharded(dim);

    /// <summary>Where the residual stream is between the parts: whole on every rank, or in shares of the tokens.</summary>
    private Placement Home => mode is Mode.Serial or Mode.Mtp ? I : S(1);

    private bool IsSerial => mode == Mode.Serial;

    private bool SplitsFeatures => mode is Mode.Mtp or Mode.Msp or Mode.Fsp;

    /// <summary>Compiles a block; its collectives are numbered from <paramref name="firstSite"/>.</summary>
    public static ModeProgram Compile(BlockSpec block, Mode mode, AlgebraTable algebra, int firstSite)
    {
        var compiler = new ModeCompiler(block, mode, algebra, firstSite);
        compiler.Run();
        return new ModeProgram(
            mode, compiler.scope.Body, compiler.Staged(), compiler.sites, compiler.degrees.Distinct().ToList(), compiler.weightOrder,
            Lifetimes.Of(compiler.scope.Body, compiler.elements), compiler.findings);
    }

    private void Run()
    {
        var input = names.New(block.InputName, Suffix(block.IsModel ? I : Home), reserve: true);
        Hold(0, block.IsModel ? I : Home, input);
        Steps(block.Forward);
    }

    // What stands before the call of the layers, and what stands after it; StageCut has seen that nothing else crosses.
    private StagedBody? Staged()
    {
        if (cut is not var (at, input, output) || StageCut.Reason(block).Length > 0)
        {
            return null;
        }

        return new StagedBody(scope.Body.Take(at).Append(new Give(input)).ToList(), output, scope.Body.Skip(at + 1).ToList());
    }

    private void Steps(IReadOnlyList<StepSpec> steps)
    {
        var done = new HashSet<StepSpec>();
        foreach (var step in steps)
        {
            if (done.Contains(step))
            {
                continue;
            }

            if (step.Kind == StepKind.Part && parts[step.Name].Kind is PartKind.Column or PartKind.Linear)
            {
                // Linear maps that read one value are one product.
                var kind = parts[step.Name].Kind;
                var together = steps.Where(s => s.Kind == StepKind.Part && parts[s.Name].Kind == kind && s.Inputs[0] == step.Inputs[0] && !done.Contains(s)).ToList();
                together.ForEach(s => done.Add(s));
                Linears(together, kind == PartKind.Column, steps, done);
                continue;
            }

            if (step.Kind == StepKind.Operator && fusions.NormOf(step, steps) is { } norm && SumAndNorm(step, norm))
            {
                done.Add(norm);
                continue;
            }

            Step(step, steps);
        }
    }

    private void Step(StepSpec step, IReadOnlyList<StepSpec> list)
    {
        switch (step.Kind)
        {
            case StepKind.Choice:
                Choice(step);
                break;
            case StepKind.Return:
                scope.Body.Add(new Give(Need(step.Inputs[0], Home)));
                break;
            case StepKind.Operator:
                Operator(step);
                break;
            case StepKind.TensorMethod:
                View(step);
                break;
            case StepKind.Function:
                Function(step);
                break;
            default:
                Part(step, parts[step.Name], list);
                break;
        }
    }

    // Both sides leave each value that they share at one placement.
    private void Choice(StepSpec step)
    {
        var outer = scope;
        var conditionsOf = new[] { Names.Atom(step.Condition), $"!({step.Condition})" };
        var sides = new[] { step.Then, step.Else }.Select((steps, side) =>
        {
            scope = outer.Inner();
            conditions.Push(conditionsOf[side]);
            Steps(steps);
            conditions.Pop();
            return scope;
        }).ToArray();
        var outputs = new List<string>();
        var assigned = new[] { new List<Statement>(), new List<Statement>() };
        var merged = new List<(int Value, Placement At, string Name)>();
        for (var k = 0; k < step.Outputs.Count; k++)
        {
            var (then, other) = (step.Inputs[2 * k], step.Inputs[(2 * k) + 1]);
            var at = sides[0].At(then).Equals(sides[1].At(other)) ? sides[0].At(then) : Home;
            var name = names.New(LocalNames.Choice, Suffix(at));
            for (var side = 0; side < 2; side++)
            {
                scope = sides[side];
                conditions.Push(conditionsOf[side]);
                var code = Need(side == 0 ? then : other, at);
                conditions.Pop();
                assigned[side].Add(new Assign(name, code));
            }

            outputs.Add(name);
            merged.Add((step.Outputs[k], at, name));
        }

        scope = outer;
        scope.Body.Add(new Compiling.Either(
            step.Condition, outputs, sides[0].Body.Concat(assigned[0]).ToList(), sides[1].Body.Concat(assigned[1]).ToList()));
        foreach (var (value, at, name) in merged)
        {
            Hold(value, at, name);
        }
    }

    private void Hold(int value, Placement at, string name)
    {
        scope.Held[value] = new Held(at, name);
        elements[name] = Elements(shapes[value], at);
    }

    /// <summary>A new local for a value.</summary>
    private string Make(int value, Placement at, string word, string code, string comment = "")
    {
        var name = names.New(word, Suffix(at));
        scope.Body.Add(new Let(name, code, comment));
        Hold(value, at, name);
        return name;
    }

    // What is refused is taken for whole from here on, so that other findings of the same forward are told too.
    private void Refuse(StepSpec step, string id, params string[] arguments)
    {
        findings.Add(new Finding(id, step.Output, arguments));
        Hold(step.Output, Home, names.New("refused", ""));
    }

    /// <summary>The value at a placement: as it is, or by the cheapest collectives.</summary>
    private string Need(int value, Placement target)
    {
        var held = scope.Held[value];
        if (IsSerial || held.Versions.ContainsKey(target))
        {
            return held.Versions[IsSerial ? held.At : target];
        }

        if (algebra.Path(held.At, target) is not { } path)
        {
            findings.Add(new Finding(Diagnostics.NoPlacement, value, "what follows", names.Spoken(held.Versions[held.At]), Show(held.At)));
            return held.Versions[held.At];
        }

        // A branch may not leave to its sibling what it made for itself.
        held = scope.Own(value);
        var code = held.Versions[held.At];
        var word = LocalNames.Word(code);
        foreach (var step in path)
        {
            code = Collective(step, "tensor", code, word, Elements(shapes[value], R), false);
            held.Versions[step.To] = code;
            elements[code] = Elements(shapes[value], step.To);
        }

        return code;
    }

    private string Collective(CollectiveStep step, string axis, string code, string word, string whole, bool isWeight)
    {
        var number = NewSite(step, axis, word, whole, isWeight);
        var call = CollectiveCall(step, axis, code, number);
        var name = names.New(word, Suffix(step.To));
        scope.Body.Add(new Let(name, call, Comment(number, step, axis, algebra)));
        return name;
    }

    private int NewSite(CollectiveStep step, string axis, string of, string whole, bool isWeight)
    {
        var number = firstSite + sites.Count;
        sites.Add(new Site(number, step.Collective.Name, axis, Show(step.From), Show(step.To), of, whole, isWeight, Condition));
        return number;
    }

    private string Condition => string.Join(" && ", conditions.Reverse());

    /// <summary>What stands above a collective.</summary>
    public static string Comment(int number, CollectiveStep step, string axis, AlgebraTable algebra) =>
        $"site {number}: {Show(step.From)} → {Show(step.To)}, {Spoken(step)} over the {axis} axis; backward: {Spoken(algebra.Dual(step)!)}";

    /// <summary>A collective as C#.</summary>
    public static string CollectiveCall(CollectiveStep step, string axis, string code, int number)
    {
        var method = string.Concat(step.Collective.Name.Split('_').Select(w => char.ToUpperInvariant(w[0]) + w.Substring(1)));
        var dims = (step.From.Kind == PlacementKind.Sharded, step.To.Kind == PlacementKind.Sharded) switch
        {
            (true, true) => $"{step.To.Dim}, {step.From.Dim}, ",
            (true, false) => $"{step.From.Dim}, ",
            (false, true) => $"{step.To.Dim}, ",
            _ => "",
        };
        return $"{Names.Collective}.{method}({axis}, {code}, {dims}{number})";
    }

    private static string Spoken(CollectiveStep step) =>
        step.Collective.Wire == Wire.None ? step.Collective.Name.Replace('_', ' ') + " (no traffic)" : Algebra.Collective.Text(step.Collective.Wire).Replace('_', '-');

    public static string Show(Placement at) => at.ToString();

    private string Suffix(Placement at) => IsSerial ? "" : "_" + Show(at).Replace("(", "").Replace(")", "");

    // Numbers of a value that one rank holds.
    private static string Elements(Size[] shape, Placement at)
    {
        var code = string.Join(" * ", shape.Select(s => Names.Atom(s.Code)));
        return code.Length == 0 ? "1" : at.Kind == PlacementKind.Sharded ? code + " / degree" : code;
    }

    private void Split(Size size, string because, DegreeRule rule = DegreeRule.Divides)
    {
        if (!IsSerial)
        {
            degrees.Add(new Degree(size.Code, rule, because, Condition));
        }
    }

    /// <summary>A size of which each rank has its share, as C#.</summary>
    private static string Share(string size) => $"{Names.Shard}.Of({size}, tensor.Size)";

    /// <summary>What a stretch of code knows: where each value is held, and its statements.</summary>
    private sealed class Scope
    {
        public List<Statement> Body { get; } = new();

        public Dictionary<int, Held> Held { get; private set; } = new();

        public Dictionary<string, string> Weights { get; private set; } = new();

        private HashSet<int> own = new();

        public Scope Inner() => new() { Held = new(Held), Weights = new(Weights), own = new() };

        public Placement At(int value) => Held.TryGetValue(value, out var held) ? held.At : Placement.Invariant;

        /// <summary>The value's entry, this scope's own copy of it.</summary>
        public Held Own(int value)
        {
            if (own.Add(value) && Held.TryGetValue(value, out var held))
            {
                Held[value] = held.Copy();
            }

            return Held[value];
        }
    }

    private sealed class Held
    {
        public Held(Placement at, string name) => (At, Versions) = (at, new() { [at] = name });

        private Held(Placement at, Dictionary<Placement, string> versions) => (At, Versions) = (at, versions);

        /// <summary>Where the value was made.</summary>
        public Placement At { get; }

        /// <summary>Its locals by placement.</summary>
        public Dictionary<Placement, string> Versions { get; }

        public Held Copy() => new(At, new Dictionary<Placement, string>(Versions));
    }
}
