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
                return forward.Emit(StepKind.Operator, "negate", new[] { Tensor(minus.Operand, model) });
            case ConditionalExpressionSyntax choice:
                return forward.Choice(choice, model);
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
        bool IsTensor(ExpressionSyntax side) => Symbols.Is(model.GetTypeInfo(side).Type, AttributeNames.Tensor);
        if (!IsTensor(binary.Right))
        {
            return forward.Emit(StepKind.Operator, name, new[] { Tensor(binary.Left, model) }, $"_ {name} {Configuration(binary.Right, model)}");
        }

        if (!IsTensor(binary.Left))
        {
            var left = Configuration(binary.Left, model);
            return forward.Emit(StepKind.Operator, name, new[] { Tensor(binary.Right, model) }, $"{left} {name} _");
        }

        return forward.Emit(StepKind.Operator, name, new[] { Tensor(binary.Left, model), Tensor(binary.Right, model) });
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
                return forward.Emit(StepKind.Part, method.Name, Arguments(call, model));
            }

            if (forward.IsOpen(method))
            {
                return Unreadable(call, method.Name, "a forward cannot call itself");
            }

            return forward.Inline(method, Parameters(call, method, model));
        }

        if (owner == AttributeNames.Functions)
        {
            return forward.Emit(StepKind.Function, method.Name, Arguments(call, model));
        }

        if (owner == AttributeNames.Tensor && call.Expression is MemberAccessExpressionSyntax { Expression: var target } && Views.Contains(method.Name))
        {
            var self = Tensor(target, model);
            return forward.Emit(StepKind.TensorMethod, method.Name, new[] { self }.Concat(Arguments(call, model)));
        }

        return Unreadable(call, method.Name, owner == AttributeNames.Tensor
            ? "of a tensor's methods a forward may call " + string.Join(", ", Views)
            : "a forward may call parts and private methods of its record, and Evo.Models.Functions");
    }

    private System.Collections.Generic.List<int> Arguments(InvocationExpressionSyntax call, SemanticModel model)
    {
        var inputs = new System.Collections.Generic.List<int>();
        foreach (var argument in call.ArgumentList.Arguments)
        {
            var type = model.GetTypeInfo(argument.Expression).Type;
            if (Symbols.Is(type, AttributeNames.Tensor))
            {
                inputs.Add(Tensor(argument.Expression, model));
            }
            else if (!Symbols.Is(type, AttributeNames.Positions))
            {
                Configuration(argument.Expression, model);
            }
        }

        return inputs;
    }

    // A helper's parameters in order: tensors by value, everything else outside the flow.
    private System.Collections.Generic.List<int> Parameters(InvocationExpressionSyntax call, IMethodSymbol method, SemanticModel model)
    {
        var inputs = new System.Collections.Generic.List<int>();
        foreach (var argument in call.ArgumentList.Arguments)
        {
            inputs.Add(Symbols.Is(model.GetTypeInfo(argument.Expression).Type, AttributeNames.Tensor)
                ? Tensor(argument.Expression, model)
                : ForwardReader.PositionsValue);
        }

        while (inputs.Count < method.Parameters.Length)
        {
            inputs.Add(ForwardReader.PositionsValue);
        }

        return inputs;
    }

    /// <summary>
    /// Checks that an expression is made of the configuration only and returns its text: properties of the record and the
    /// model, numbers, operators.
    /// </summary>
    /// <param name="locals">Whether locals may be used: not in a condition, which is emitted again elsewhere.</param>
    public string Configuration(ExpressionSyntax expression, SemanticModel model, bool locals = true)
    {
        foreach (var node in expression.DescendantNodesAndSelf())
        {
            var legal = node switch
            {
                IdentifierNameSyntax name => model.GetSymbolInfo(name).Symbol is IPropertySymbol or IFieldSymbol { IsConst: true } or ITypeSymbol or INamespaceSymbol
                    || (locals && model.GetSymbolInfo(name).Symbol is (IParameterSymbol or ILocalSymbol))
                    || name.Identifier.ValueText == "nameof" || model.GetSymbolInfo(name).Symbol is IMethodSymbol { ContainingType.Name: "Math" },
                InvocationExpressionSyntax call => model.GetConstantValue(call).HasValue || model.GetSymbolInfo(call).Symbol is IMethodSymbol { ContainingType.Name: "Math" },
                AssignmentExpressionSyntax or LambdaExpressionSyntax or AwaitExpressionSyntax or ObjectCreationExpressionSyntax => false,
                _ => true,
            };
            if (!legal)
            {
                Unreadable(node, node.ToString(), "here only the configuration can be asked: properties, numbers and operators" + (locals ? "" : ", no locals"));
                break;
            }
        }

        return expression.ToString();
    }

    private int Unreadable(SyntaxNode where, string word, string rule)
    {
        var place = where is InvocationExpressionSyntax call
            ? (call.Expression as MemberAccessExpressionSyntax)?.Name ?? (SyntaxNode)call.Expression
            : where;
        context.Report(Diagnostics.UnreadableForward, place, word, rule);
        return 0;
    }
}
