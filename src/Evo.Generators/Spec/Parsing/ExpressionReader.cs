// Reads the expressions of a forward: those that make tensors become steps, those over the configuration are checked to be
// just that.
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

internal sealed class ExpressionReader
{
    // Views of a tensor: no arithmetic, so that their meaning under every mode is a matter of dimensions.
    private static readonly string[] Views =
    {
        "narrow", "select", "flatten", "unflatten", "view", "reshape", "transpose", "permute", "unsqueeze", "squeeze", "contiguous",
    };

    private readonly ParseContext context;
    private readonly INamedTypeSymbol record;
    private readonly ForwardReader forward;

    public ExpressionReader(ParseContext context, INamedTypeSymbol record, ForwardReader forward) =>
        (this.context, this.record, this.forward) = (context, record, forward);

    public static string? OperatorName(SyntaxKind kind) => kind switch
    {
        SyntaxKind.SimpleAssignmentExpression => "",
        SyntaxKind.AddExpression or SyntaxKind.AddAssignmentExpression => "+",
        SyntaxKind.SubtractExpression or SyntaxKind.SubtractAssignmentExpression => "-",
        SyntaxKind.MultiplyExpression or SyntaxKind.MultiplyAssignmentExpression => "*",
        SyntaxKind.DivideExpression or SyntaxKind.DivideAssignmentExpression => "/",
        _ => null,
    };

    /// <summary>The value of an expression that makes a tensor.</summary>
    public int Tensor(ExpressionSyntax expression, SemanticModel model)
    {
        switch (expression)
        {
            case IdentifierNameSyntax name when forward.Lookup(model.GetSymbolInfo(name).Symbol) is { } value:
                return value;
            case ParenthesizedExpressionSyntax inner:
                return Tensor(inner.Expression, model);
            case BinaryExpressionSyntax binary when OperatorName(binary.Kind()) is { } name:
                return Binary(binary, name, model);
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression } minus:
                return forward.Emit(StepKind.Operator, "negate", new[] { Tensor(minus.Operand, model) }, where: minus);
            case ConditionalExpressionSyntax choice:
                return forward.Choice(choice, model);
            case SwitchExpressionSyntax choice:
                return forward.Choice(choice, 0, model);
            case InvocationExpressionSyntax call:
                return Call(call, model);
            case MemberAccessExpressionSyntax member when Symbols.Is(model.GetTypeInfo(member.Expression).Type, AttributeNames.Positions)
                && Symbols.Is(model.GetTypeInfo(member).Type, AttributeNames.Tensor):
                return forward.Emit(StepKind.Function, "positions." + member.Name.Identifier.ValueText, Enumerable.Empty<int>());
            default:
                return Unreadable(expression, expression.ToString(), "a tensor comes from a local, a part, a function of Evo.Models.Functions, a view, or + - * /");
        }
    }

    // One side of an operator may be a number of the configuration: its text stays with the step, "_" for the tensor.
    private int Binary(BinaryExpressionSyntax binary, string name, SemanticModel model)
    {
        if (!IsTensor(binary.Left, model) && IsTensor(binary.Right, model))
        {
            var left = Atom(Configuration(binary.Left, model));
            return forward.Emit(StepKind.Operator, name, new[] { Tensor(binary.Right, model) }, $"{left} {name} _", where: binary);
        }

        return Operate(Tensor(binary.Left, model), name, binary.Right, binary, model);
    }

    /// <summary>A tensor with what stands to the right of it, a tensor or a number.</summary>
    public int Operate(int left, string name, ExpressionSyntax right, SyntaxNode where, SemanticModel model) => IsTensor(right, model)
        ? forward.Emit(StepKind.Operator, name, new[] { left, Tensor(right, model) }, where: where)
        : forward.Emit(StepKind.Operator, name, new[] { left }, $"_ {name} {Atom(Configuration(right, model))}", where: where);

    private static bool IsTensor(ExpressionSyntax side, SemanticModel model) => Symbols.Is(model.GetTypeInfo(side).Type, AttributeNames.Tensor);

    private static string Atom(string text) =>
        text.Any(c => !(char.IsLetterOrDigit(c) || c is '.' or '_' or ':')) && !IsInParentheses(text) ? "(" + text + ")" : text;

    // From the first sign to the last, and not (a) + (b).
    private static bool IsInParentheses(string text)
    {
        var depth = 0;
        for (var k = 0; k < text.Length; k++)
        {
            depth += text[k] == '(' ? 1 : text[k] == ')' ? -1 : 0;
            if (depth == 0 && k < text.Length - 1)
            {
                return false;
            }
        }

        return text[0] == '(';
    }

    private int Call(InvocationExpressionSyntax call, SemanticModel model)
    {
        if (model.GetSymbolInfo(call).Symbol is not IMethodSymbol method)
        {
            context.LeaveToCompiler();
            return 0;
        }

        var owner = Symbols.NameOf(method.ContainingType);
        if (SymbolEqualityComparer.Default.Equals(method.ContainingType, record))
        {
            var definition = method.PartialDefinitionPart ?? method;
            if (PartParser.AttributeOf(definition) is not null)
            {
                return Step(StepKind.Part, method, null, call, model);
            }

            if (forward.IsOpen(method))
            {
                return Unreadable(call, method.Name, "a forward cannot call itself");
            }

            var arguments = Arguments(call, method, model);
            return arguments.Count == method.Parameters.Length
                ? forward.Inline(method, arguments)
                : Unreadable(call, method.Name, "a helper is called with one argument for each parameter");
        }

        if (owner == AttributeNames.Functions)
        {
            return Step(StepKind.Function, method, null, call, model);
        }

        if (owner == AttributeNames.Tensor && call.Expression is MemberAccessExpressionSyntax { Expression: var target } && Views.Contains(method.Name))
        {
            return Step(StepKind.TensorMethod, method, Tensor(target, model), call, model);
        }

        return Unreadable(call, method.Name, owner == AttributeNames.Tensor
            ? "of a tensor's methods a forward may call " + string.Join(", ", Views)
            : "a forward may call parts and private methods of its record, and Evo.Models.Functions");
    }

    private int Step(StepKind kind, IMethodSymbol method, int? self, InvocationExpressionSyntax call, SemanticModel model)
    {
        var arguments = Arguments(call, method, model);
        var inputs = arguments.Where(a => a.Value >= 0).Select(a => a.Value);
        return forward.Emit(kind, method.Name, self is { } s ? new[] { s }.Concat(inputs) : inputs, "", arguments, Word(call));
    }

    // In the order of the parameters: tensors by value, the positions, and C# over the configuration.
    private System.Collections.Generic.List<ArgumentSpec> Arguments(InvocationExpressionSyntax call, IMethodSymbol method, SemanticModel model)
    {
        var given = new System.Collections.Generic.List<(int Order, ArgumentSpec Argument)>();
        for (var i = 0; i < call.ArgumentList.Arguments.Count; i++)
        {
            var argument = call.ArgumentList.Arguments[i];
            var name = argument.NameColon?.Name.Identifier.ValueText;
            var order = name is null ? i : method.Parameters.FirstOrDefault(p => p.Name == name)?.Ordinal ?? i;
            var type = model.GetTypeInfo(argument.Expression).Type;
            given.Add((order, Symbols.Is(type, AttributeNames.Tensor) ? new ArgumentSpec(Tensor(argument.Expression, model), "", null)
                : Symbols.Is(type, AttributeNames.Positions) ? new ArgumentSpec(ForwardReader.PositionsValue, "", null)
                : new ArgumentSpec(ArgumentSpec.Text, Configuration(argument.Expression, model), model.GetConstantValue(argument.Expression).Value as int?)));
        }

        // What a call leaves out is what the method says.
        var last = given.Count == 0 ? 0 : given.Max(g => g.Order) + 1;
        foreach (var parameter in method.Parameters.Skip(last).Where(p => p.HasExplicitDefaultValue && !p.IsParams))
        {
            given.Add((parameter.Ordinal, new ArgumentSpec(ArgumentSpec.Text, Literal(parameter.ExplicitDefaultValue), parameter.ExplicitDefaultValue as int?)));
        }

        return given.OrderBy(g => g.Order).Select(g => g.Argument).ToList();
    }

    private static string Literal(object? value) => value switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        string text => PropertyParser.Quote(text),
        _ => System.Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture) ?? "default",
    };

    /// <summary>
    /// An expression made of the configuration only, as C# that means the same anywhere in the record: properties of the
    /// record and the model, constants, numbers, operators. Locals stand for what they were made of.
    /// </summary>
    public string Configuration(ExpressionSyntax expression, SemanticModel model)
    {
        foreach (var node in expression.DescendantNodesAndSelf())
        {
            var legal = node switch
            {
                IdentifierNameSyntax name => model.GetSymbolInfo(name).Symbol is IPropertySymbol or IFieldSymbol { IsConst: true } or ITypeSymbol or INamespaceSymbol
                    || forward.Configured(model.GetSymbolInfo(name).Symbol) is not null
                    || name.Identifier.ValueText == "nameof" || model.GetSymbolInfo(name).Symbol is IMethodSymbol { ContainingType.Name: "Math" },
                InvocationExpressionSyntax call => model.GetConstantValue(call).HasValue || model.GetSymbolInfo(call).Symbol is IMethodSymbol { ContainingType.Name: "Math" },
                AssignmentExpressionSyntax or LambdaExpressionSyntax or AwaitExpressionSyntax or ObjectCreationExpressionSyntax => false,
                _ => true,
            };
            if (!legal)
            {
                Unreadable(node, node.ToString(), "here only the configuration can be asked: properties, numbers and operators");
                return expression.ToString();
            }
        }

        return Portable(expression, model);
    }

    // Locals give way to what they stand for, and types say where they are from.
    private string Portable(ExpressionSyntax expression, SemanticModel model)
    {
        string? Instead(SyntaxNode node)
        {
            if (node is InvocationExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.ValueText: "nameof" } } call && model.GetConstantValue(call).Value is string text)
            {
                return PropertyParser.Quote(text);
            }

            if (node is not IdentifierNameSyntax name || node.Parent is MemberAccessExpressionSyntax member && member.Name == node)
            {
                return null;
            }

            return model.GetSymbolInfo(name).Symbol switch
            {
                INamedTypeSymbol type => type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat),
                IMethodSymbol { IsStatic: true } method => method.ContainingType.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) + "." + method.Name,
                IFieldSymbol { IsConst: true } field => field.ContainingType.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) + "." + field.Name,
                var symbol => forward.Configured(symbol),
            };
        }

        if (Instead(expression) is { } whole)
        {
            return whole;
        }

        var replaced = expression.DescendantNodes(n => Instead(n) is null).Where(n => Instead(n) is not null).ToList();
        return expression.ReplaceNodes(replaced, (original, _) => SyntaxFactory.ParseExpression(Instead(original)!)).ToString();
    }

    private static SyntaxNode Word(InvocationExpressionSyntax call) =>
        (call.Expression as MemberAccessExpressionSyntax)?.Name ?? (SyntaxNode)call.Expression;

    private int Unreadable(SyntaxNode where, string word, string rule)
    {
        var place = where is InvocationExpressionSyntax call ? Word(call) : where;
        context.Report(Diagnostics.UnreadableForward, place, word, rule);
        return 0;
    }
}
