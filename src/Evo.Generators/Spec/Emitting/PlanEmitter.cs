// What a mode's forward sends, holds and asks for, as data: emitted beside the forward and read off the same statements.
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Evo.Generators.Spec.Compiling;

namespace Evo.Generators.Spec.Emitting;

internal sealed class PlanEmitter
{
    private const string Polynomial = Names.Models + "Polynomial";
    private const string Integer = "type: " + Names.Models + "NumberType.Integer";
    private readonly SourceWriter writer;
    private readonly BlockSpec block;
    private readonly ModeProgram program;
    private readonly PlanSizes sizes;
    private readonly FlowReader flow;
    private readonly Dictionary<string, string> elements;
    private readonly Dictionary<string, Life> lives;
    private readonly HashSet<string> repeated = new();

    private PlanEmitter(SourceWriter writer, BlockSpec block, ModeProgram program)
    {
        (this.writer, this.block, this.program) = (writer, block, program);
        sizes = new PlanSizes(block, program);
        Input = ModeEmitter.FirstName(block, program.Mode);
        flow = new FlowReader(Input);
        elements = program.Lives.ToDictionary(l => l.Name, l => l.Elements);
        elements[Input] = block.IsModel ? "batch * length"
            : $"batch * length * {Names.Atom(block.Width)}{(program.Mode is Mode.Serial or Mode.Mtp ? "" : " / degree")}";
        var made = Made(program.Body).ToDictionary(name => name, _ => "1");
        lives = Lifetimes.Of(program.Body, made).ToDictionary(l => l.Name);
    }

    private string Input { get; }

    /// <summary>A method that adds the block's collectives, limits, weights and values to a plan.</summary>
    public static void Plan(SourceWriter writer, BlockSpec block, Programs programs)
    {
        writer.Line("/// <summary>What a mode's forward sends, holds and asks for.</summary>");
        writer.Open($"internal void Plan({Names.Models}PlanBuilder plan)");
        writer.Line($"plan.Block({Names.Quote((block.Namespace.Length == 0 ? "" : block.Namespace + ".") + block.Name)});");
        writer.Line($"var (batch, length, degree) = ({Polynomial}.Batch, {Polynomial}.Length, {Polynomial}.Tensor);");
        writer.Open("switch (plan.Mode)");
        foreach (var mode in Programs.Modes)
        {
            writer.Line($"case {Names.Models}ParallelMode.{mode}:");
            writer.Open();
            var program = programs.Of(block, mode);
            new PlanEmitter(writer, block, program).Write();
            if (block.IsModel)
            {
                Head(writer, block.Parts.First(p => p.Kind == PartKind.Head), programs.Head(mode));
            }

            writer.Line("break;");
            writer.Close();
        }

        writer.Close();
        writer.Close();
        writer.Line();
    }

    private static IEnumerable<string> Made(IEnumerable<Statement> body) => body.SelectMany(s => s switch
    {
        Let let => new[] { let.Name },
        Both both => new[] { both.First.Name, both.Second.Name },
        Either either => either.Names.Concat(Made(either.Then)).Concat(Made(either.Else)),
        _ => Enumerable.Empty<string>(),
    }).Distinct();

    private void Write()
    {
        foreach (var degree in program.Degrees)
        {
            writer.Line($"{(degree.Condition.Length == 0 ? "" : $"if ({degree.Condition}) ")}plan.Limit({Names.Quote(sizes.Spoken(degree.Size))}, {degree.Size}, {(degree.Rule == DegreeRule.DividesOrMultiple ? "true" : "false")}, {Names.Quote(degree.Because)});");
        }

        foreach (var part in program.WeightOrder)
        {
            writer.Line($"plan.Weight({Names.Quote(Names.Snake(part))});");
        }

        Value(Input, new Flow("Input", new string[0], "\"\""), elements[Input]);
        Statements(program.Body);
    }

    private void Statements(IEnumerable<Statement> body)
    {
        foreach (var statement in body)
        {
            switch (statement)
            {
                case Let let:
                    Let(let);
                    break;
                case Both both:
                    Let(both.First);
                    Let(both.Second);
                    break;
                case Assign assign:
                    Value(assign.Name, new Flow("Alias", flow.Read(assign.Value).From, "\"\""), elements.TryGetValue(assign.Name, out var size) ? size : "1");
                    break;
                case Either either:
                    foreach (var name in either.Names)
                    {
                        flow.Add(name);
                    }

                    writer.Open($"if ({either.Condition.Replace("own.Ranks.", "plan.")})");
                    Statements(either.Then);
                    writer.Close();
                    if (either.Else.Count > 0)
                    {
                        writer.Open("else");
                        Statements(either.Else);
                        writer.Close();
                    }

                    break;
            }
        }
    }

    private void Let(Let let)
    {
        var read = flow.Read(let.Value);
        var arguments = FlowReader.Arguments(let.Value);
        var numbers = FlowReader.Sites(let.Comment).Select(n => program.Sites.First(s => s.Number == n)).ToList();
        var ofWeight = read.From.Count == 0;
        if (read.Operation == "Repeat")
        {
            repeated.Add(let.Name);
            elements[let.Name] = sizes.Spread(Of(read));
        }
        else if (read.Operation == "Exchange" && read.From.Any(repeated.Contains))
        {
            elements[let.Name] = Of(read);
        }
        else if (!elements.ContainsKey(let.Name))
        {
            elements[let.Name] = Of(read);
        }

        for (var k = 0; k < numbers.Count; k++)
        {
            Site(numbers[k], k, let, read, arguments);
        }

        // A copy of a parameter, or a rank's rows of one, is the parameter itself.
        if (ofWeight && read.Operation is "Copy" or "Heads")
        {
            return;
        }

        flow.Add(let.Name);
        if (ofWeight && read.Operation == "Gather")
        {
            Value(let.Name, read, Gathered(arguments[2], numbers[0].Elements), $"({numbers[0].Elements}) / ({arguments[2]})", sizes.Spoken(arguments[2]) + " rows of " + numbers[0].Of);
            return;
        }

        // The heads that stand in one tensor are as wide as one of them.
        var width = read.Operation == "HeadsApart" ? arguments[3] : null;
        Value(let.Name, read, sizes.Held(elements[let.Name], let.Name), width, mixture: Mixture(let, read));
    }

    private string Of(Flow read) => read.From.Count > 0 && elements.TryGetValue(read.From[0], out var size) ? size : "1";

    private void Site(Site site, int place, Let let, Flow read, IReadOnlyList<string> arguments)
    {
        var part = block.Parts.FirstOrDefault(p => p.Method == site.Of);
        var (size, more, condition) = (PlanSizes.Long(site.Elements), "", "");
        if (site.IsWeight && let.Value.Contains(".Bias") && part is not null)
        {
            (size, condition) = (PlanSizes.Long(PartEmitter.Rows(part)), part.Bias is "true" or "false" ? "" : $"if ({part.Bias}) ");
        }
        else if (read.Operation == "Gather" && read.From.Count == 0)
        {
            size = Gathered(arguments[2], site.Elements);
        }
        else if (read.From.Any(repeated.Contains))
        {
            size = PlanSizes.Long(sizes.Spread(site.Elements));
        }

        if (read.Operation == "Heads")
        {
            more += $", onlyBelow: {arguments[2]}";
        }

        if (read.Operation == "GatherLinear")
        {
            more += ", again: true";
        }

        if (read.Operation == "ExpertParallelMixtureOfExperts" && place is not (1 or 2))
        {
            // How many tokens each expert gets, and which experts tokens chose.
            more += ", " + Integer;
        }
        else if (block.IsModel && read.From.Count == 1 && read.From[0] == Input)
        {
            more += ", " + Integer;
        }

        writer.Line($"{condition}{Described(site, size, let.Name)}{more});");
    }

    private static string Described(Site site, string size, string makes) =>
        $"plan.Site({site.Number}, {Names.Quote(site.Collective)}, {Names.Quote(site.Axis)}, {Names.Quote(site.From)}, {Names.Quote(site.To)}, {Names.Quote(site.Of)}, {(site.IsWeight ? "true" : "false")}, {size}, {Names.Quote(makes)}";

    private static string Gathered(string rows, string whole) => $"{Polynomial}.Gathered({rows}) * ({PlanSizes.Long(whole)} / ({rows}))";

    private string Mixture(Let let, Flow read)
    {
        if (!read.Operation.EndsWith("MixtureOfExperts", System.StringComparison.Ordinal))
        {
            return "";
        }

        var part = block.Parts.First(p => p.Kind == PartKind.Experts && (let.Value.Contains($"own.{Names.Weights(p)}.") || let.Name.StartsWith(Names.Local(p.Method).Substring(1), System.StringComparison.Ordinal)));
        var inner = $"({PlanSizes.Long(part.Sizes[1])}{(let.Name.EndsWith("_P", System.StringComparison.Ordinal) ? " / degree" : "")}";
        return $", mixture: {inner}, {part.Sizes[2]}, {part.Sizes[3]})";
    }

    private void Value(string name, Flow read, string size, string? width = null, string? shape = null, string mixture = "")
    {
        var (first, last) = lives.TryGetValue(name, out var life) ? (life.First, life.Last) : (0, 0);
        var whole = elements.TryGetValue(name, out var known) ? known : "1";
        var from = read.From.Count == 0 ? "[]" : $"[{string.Join(", ", read.From.Select(Names.Quote))}]";
        writer.Line($"plan.Value({Names.Quote(name)}, {first}, {last}, {PlanSizes.Long(size)}, {Names.Quote(Placement(name))}, {Names.Quote(shape ?? sizes.Shape(whole))}, {Names.Quote(read.Operation)}, {from}, {read.Detail}, {width ?? PlanSizes.Width(whole)}{mixture});");
    }

    private static string Placement(string name) =>
        Regex.Match(name, @"_(R|I|P|S(\d))$") is not { Success: true } at ? "" : at.Groups[2].Success ? $"S({at.Groups[2].Value})" : at.Groups[1].Value;

    // A training step comes by the places of the loss; those of the logits are for text that is generated.
    private static void Head(SourceWriter writer, PartSpec head, HeadProgram compiled)
    {
        writer.Line($"plan.Head({head.Sizes[1]}, {head.Sizes[0]}, {head.Flag});");
        var ofLoss = new HashSet<int>(compiled.Loss.OfType<Let>().SelectMany(l => FlowReader.Sites(l.Comment)));
        foreach (var site in compiled.Sites)
        {
            var size = site.IsWeight ? Gathered(head.Sizes[1], site.Elements) : PlanSizes.Long(site.Elements);
            var training = site.Collective == "cross_entropy" || ofLoss.Contains(site.Number);
            var wide = site.Collective == "cross_entropy" || site.Of == "sum";
            writer.Line($"{Described(site, size, "")}{(training ? "" : ", inTraining: false")}{(wide ? $", type: {Names.Models}NumberType.Wide" : "")});");
        }
    }
}
