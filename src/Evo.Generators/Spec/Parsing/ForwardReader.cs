// Reads a forward into its data flow: one step per operation, values numbered in order, so that names of locals do not
// matter. What it cannot read it reports at the word; nothing is guessed.
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

internal sealed class ForwardReader
{
    /// <summary>The value that stands for the positions: they are not a tensor of the flow.</summary>
    public const int PositionsValue = -1;

    private readonly ParseContext context;
    private readonly INamedTypeSymbol record;
    private readonly ExpressionReader expressions;
    private readonly CancellationToken cancel;
    private readonly HashSet<IMethodSymbol> open = new(SymbolEqualityComparer.Default);
    private readonly Dictionary<ISymbol, string> configured = new(SymbolEqualityComparer.Default);
    private Dictionary<ISymbol, int> values = new(SymbolEqualityComparer.Default);
    private List<StepSpec> steps = new();
    private int next;

    private ForwardReader(ParseContext context, INamedTypeSymbol record, CancellationToken cancel)
    {
        (this.context, this.record, this.cancel) = (context, record, cancel);
        expressions = new ExpressionReader(context, record, this);
    }

    public static List<StepSpec> Read(ParseContext context, INamedTypeSymbol record, IMethodSymbol forward, CancellationToken cancel)
    {
        var reader = new ForwardReader(context, record, cancel);
        context.Made.Clear();
        var result = reader.Inline(forward, new[] { new ArgumentSpec(reader.next++, "", null), new ArgumentSpec(PositionsValue, "", null) });
        reader.Emit(StepKind.Return, "return", new[] { result });
        var (steps, numbers) = FlowOrder.Of(reader.steps);
        var made = context.Made.Where(m => numbers.ContainsKey(m.Key)).ToList();
        context.Made.Clear();
        made.ForEach(m => context.Made[numbers[m.Key]] = m.Value);
        return steps;
    }

    /// <summary>The public method (Tensor, Positions) → Tensor; there must be one.</summary>
    public static IMethodSymbol? Find(ParseContext context, INamedTypeSymbol record)
    {
        var found = record.GetMembers().OfType<IMethodSymbol>()
            .Where(m => m.DeclaredAccessibility == Accessibility.Public && !m.IsStatic && m.MethodKind == MethodKind.Ordinary
                && Symbols.Is(m.ReturnType, AttributeNames.Tensor)
                && m.Parameters.Length == 2
                && Symbols.Is(m.Parameters[0].Type, AttributeNames.Tensor)
                && Symbols.Is(m.Parameters[1].Type, AttributeNames.Positions))
            .ToList();
        if (found.Count == 1)
        {
            return found[0];
        }

        context.Report(Diagnostics.NoForward, record.Locations.FirstOrDefault(), record.Name, found.Count.ToString());
        return null;
    }

    /// <summary>Reads a method's body with the given values as its parameters; returns the value that it returns.</summary>
    public int Inline(IMethodSymbol method, IReadOnlyList<ArgumentSpec> arguments)
    {
        cancel.ThrowIfCancellationRequested();
        if (method.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax(cancel) is not MethodDeclarationSyntax syntax || !open.Add(method))
        {
            return next++;
        }

        var outer = values;
        values = new(outer, SymbolEqualityComparer.Default);
        for (var i = 0; i < method.Parameters.Length; i++)
        {
            if (arguments[i].Value == ArgumentSpec.Text)
            {
                configured[method.Parameters[i]] = "(" + arguments[i].Code + ")";
            }
            else
            {
                values[method.Parameters[i]] = arguments[i].Value;
            }
        }

        var model = context.Compilation.GetSemanticModel(syntax.SyntaxTree);
        int? result = syntax.ExpressionBody is { } arrow ? Value(arrow.Expression, model) : syntax.Body is { } body ? Block(body.Statements, model) : null;
        values = outer;
        open.Remove(method);
        return result ?? next++;
    }

    /// <summary>The value of a local or parameter, where it is a tensor or the positions.</summary>
    public int? Lookup(ISymbol? symbol) => symbol is not null && values.TryGetValue(symbol, out var value) ? value : null;

    /// <summary>What a local or parameter made of the configuration stands for, as C# of the record.</summary>
    public string? Configured(ISymbol? symbol) => symbol is not null && configured.TryGetValue(symbol, out var text) ? text : null;

    public bool IsOpen(IMethodSymbol method) => open.Contains(method);

    /// <summary>Adds a step; <paramref name="text"/> is what it has of the configuration.</summary>
    public int Emit(StepKind kind, string name, IEnumerable<int> inputs, string text = "", IEnumerable<ArgumentSpec>? arguments = null, SyntaxNode? where = null)
    {
        var made = new EquatableArray<int>(inputs);
        var output = next++;
        if (where is not null)
        {
            context.Made[output] = where.GetLocation();
        }

        steps.Add(new StepSpec(kind, name, made, output, text, new EquatableArray<ArgumentSpec>(arguments ?? Enumerable.Empty<ArgumentSpec>()), default, default, default));
        return output;
    }

    public int Value(ExpressionSyntax expression, SemanticModel model) => expressions.Tensor(expression, model);

    private int? Block(IReadOnlyList<StatementSyntax> statements, SemanticModel model)
    {
        for (var i = 0; i < statements.Count; i++)
        {
            switch (statements[i])
            {
                case ReturnStatementSyntax { Expression: { } value }:
                    return Value(value, model);
                case IfStatementSyntax branch when Returns(branch):
                    // What follows an if that returns is its else.
                    return Choice(branch, statements.Skip(i + 1), model);
                case SwitchStatementSyntax choice:
                    var rest = Returns(choice) ? statements.Skip(i + 1) : null;
                    if (SwitchReader.Sections(context, choice) is not { } sections)
                    {
                        return null;
                    }

                    var result = Sections(choice, sections, 0, rest, model);
                    if (rest is not null)
                    {
                        return result;
                    }

                    break;
                case var statement:
                    Statement(statement, model);
                    break;
            }
        }

        return null;
    }

    private void Statement(StatementSyntax statement, SemanticModel model)
    {
        switch (statement)
        {
            case BlockSyntax block:
                foreach (var inner in block.Statements)
                {
                    Statement(inner, model);
                }

                break;
            case LocalDeclarationStatementSyntax { IsConst: false } local when !local.UsingKeyword.IsKind(SyntaxKind.UsingKeyword):
                foreach (var variable in local.Declaration.Variables)
                {
                    Declare(variable, model);
                }

                break;
            case ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax assignment }:
                Assign(assignment, model);
                break;
            case IfStatementSyntax branch when !Returns(branch):
                Choice(branch, null, model);
                break;
            case SwitchStatementSyntax choice when !Returns(choice):
                if (SwitchReader.Sections(context, choice) is { } sections)
                {
                    Sections(choice, sections, 0, null, model);
                }

                break;
            case EmptyStatementSyntax:
                break;
            default:
                context.Report(
                    Diagnostics.UnreadableForward, statement.GetFirstToken().GetLocation(), statement.GetFirstToken().Text,
                    "a forward is made of locals, assignments, if and switch on the configuration, and return");
                break;
        }
    }

    private void Declare(VariableDeclaratorSyntax variable, SemanticModel model)
    {
        if (model.GetDeclaredSymbol(variable) is not ILocalSymbol local || variable.Initializer is not { } start)
        {
            context.Report(Diagnostics.UnreadableForward, variable, variable.Identifier.Text, "a local starts with its value");
            return;
        }

        if (Symbols.Is(local.Type, AttributeNames.Tensor))
        {
            values[local] = Value(start.Value, model);
        }
        else
        {
            // A number made of the configuration stands for itself wherever it is used.
            configured[local] = "(" + expressions.Configuration(start.Value, model) + ")";
        }
    }

    private void Assign(AssignmentExpressionSyntax assignment, SemanticModel model)
    {
        if (model.GetSymbolInfo(assignment.Left).Symbol is not (ILocalSymbol or IParameterSymbol) || Lookup(model.GetSymbolInfo(assignment.Left).Symbol) is not { } before)
        {
            context.Report(Diagnostics.UnreadableForward, assignment.Left, assignment.Left.ToString(), "only tensors held in locals are assigned to");
            return;
        }

        var symbol = model.GetSymbolInfo(assignment.Left).Symbol!;
        var name = ExpressionReader.OperatorName(assignment.Kind());
        if (name is null)
        {
            context.Report(Diagnostics.UnreadableForward, assignment.OperatorToken.GetLocation(), assignment.OperatorToken.Text, "use =, +=, -=, *= or /=");
            return;
        }

        values[symbol] = name.Length == 0 ? Value(assignment.Right, model) : expressions.Operate(before, name, assignment.Right, assignment, model);
    }

    // A switch is a chain of choices; its default stands last.
    private int? Sections(SwitchStatementSyntax choice, IReadOnlyList<SwitchReader.Section> sections, int index, IEnumerable<StatementSyntax>? rest, SemanticModel model)
    {
        if (index == sections.Count)
        {
            return rest is null ? null : Block(rest.ToList(), model);
        }

        var section = sections[index];
        if (section.Labels is null)
        {
            return Block(section.Statements.Concat(rest ?? Enumerable.Empty<StatementSyntax>()).ToList(), model);
        }

        var condition = SwitchReader.Condition(expressions.Configuration(choice.Expression, model), section.Labels.Select(l => expressions.Configuration(l, model)));
        var then = Branch(section.Statements.Concat(rest ?? Enumerable.Empty<StatementSyntax>()), model);
        var other = Branch(() => Sections(choice, sections, index + 1, rest, model));
        return Join(choice.SwitchKeyword, condition, then, other, rest is not null);
    }

    /// <summary>A switch expression over the configuration.</summary>
    public int Choice(SwitchExpressionSyntax expression, int index, SemanticModel model)
    {
        if (SwitchReader.Arm(context, expression, index) is not { } arm)
        {
            return next++;
        }

        if (arm.Label is null)
        {
            return Value(arm.Value, model);
        }

        var condition = SwitchReader.Condition(expressions.Configuration(expression.GoverningExpression, model), new[] { expressions.Configuration(arm.Label, model) });
        var then = Branch(() => Value(arm.Value, model));
        var other = Branch(() => Choice(expression, index + 1, model));
        return Merge(condition, then, other, true, expression.SwitchKeyword.GetLocation()) ?? next++;
    }

    private static bool Returns(SyntaxNode branch) => branch.DescendantNodes().OfType<ReturnStatementSyntax>().Any();

    private int? Choice(IfStatementSyntax branch, IEnumerable<StatementSyntax>? rest, SemanticModel model)
    {
        var condition = expressions.Configuration(branch.Condition, model);
        var otherwise = (branch.Else is { } e ? new[] { e.Statement } : Enumerable.Empty<StatementSyntax>()).Concat(rest ?? Enumerable.Empty<StatementSyntax>());
        var then = Branch(new[] { branch.Statement }, model);
        var other = Branch(otherwise, model);
        return Join(branch.IfKeyword, condition, then, other, rest is not null);
    }

    private int? Join(
        SyntaxToken word, string condition, (List<StepSpec> Steps, Dictionary<ISymbol, int> Values, int? Result) then,
        (List<StepSpec> Steps, Dictionary<ISymbol, int> Values, int? Result) other, bool returns)
    {
        if (returns && (then.Result is null || other.Result is null))
        {
            context.Report(
                Diagnostics.UnreadableForward, word.GetLocation(), word.Text, $"where one way through {(word.Text == "if" ? "an if" : "a switch")} returns, each way must return");
        }

        return Merge(condition, then, other, returns, word.GetLocation());
    }

    /// <summary>A conditional expression: <c>configuration ? a : b</c>.</summary>
    public int Choice(ConditionalExpressionSyntax expression, SemanticModel model)
    {
        var condition = expressions.Configuration(expression.Condition, model);
        var then = Branch(() => Value(expression.WhenTrue, model));
        var other = Branch(() => Value(expression.WhenFalse, model));
        return Merge(condition, then, other, true, expression.QuestionToken.GetLocation()) ?? next++;
    }

    private (List<StepSpec> Steps, Dictionary<ISymbol, int> Values, int? Result) Branch(IEnumerable<StatementSyntax> statements, SemanticModel model)
    {
        // The nodes themselves: a list made of them would be a copy outside of the tree.
        var flat = statements.SelectMany(s => s is BlockSyntax b ? b.Statements.AsEnumerable() : new[] { s }).ToList();
        return Branch(() => Block(flat, model));
    }

    private (List<StepSpec> Steps, Dictionary<ISymbol, int> Values, int? Result) Branch(System.Func<int?> read)
    {
        var (outerSteps, outerValues) = (steps, values);
        (steps, values) = (new(), new(outerValues, SymbolEqualityComparer.Default));
        var result = read();
        var made = (steps, values, result);
        (steps, values) = (outerSteps, outerValues);
        return made;
    }

    // After the choice each local that the branches left with different values is one new value, and so is the result.
    private int? Merge(
        string condition,
        (List<StepSpec> Steps, Dictionary<ISymbol, int> Values, int? Result) then,
        (List<StepSpec> Steps, Dictionary<ISymbol, int> Values, int? Result) other,
        bool returns,
        Location where)
    {
        var (merged, outputs) = (new List<int>(), new List<int>());
        void Pair(int a, int b, int output)
        {
            merged.Add(a);
            merged.Add(b);
            outputs.Add(output);
            context.Made[output] = where;
        }

        // After a choice that returns nothing follows, so what its locals hold does not matter.
        foreach (var symbol in returns ? new List<ISymbol>() : values.Keys.ToList())
        {
            if (then.Values[symbol] != other.Values[symbol])
            {
                values[symbol] = next++;
                Pair(then.Values[symbol], other.Values[symbol], values[symbol]);
            }
            else
            {
                values[symbol] = then.Values[symbol];
            }
        }

        var output = next++;
        if (returns && then.Result is { } x && other.Result is { } y)
        {
            Pair(x, y, output);
        }

        steps.Add(new StepSpec(
            StepKind.Choice, "if", new EquatableArray<int>(merged), output, condition, default, new EquatableArray<int>(outputs),
            new EquatableArray<StepSpec>(then.Steps), new EquatableArray<StepSpec>(other.Steps)));
        return returns ? output : null;
    }
}
