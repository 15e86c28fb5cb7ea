// What an operator's schema says, as plain values.
using System;

namespace Evo.Generators.Operators;

/// <summary>The kinds of values that an operator takes or gives.</summary>
internal enum ValueKind
{
    Tensor,
    OptionalTensor,
    TensorList,
    OptionalTensorList,
    Scalar,
    OptionalScalar,
    Int,
    OptionalInt,
    IntList,
    OptionalIntList,
    Double,
    OptionalDouble,
    OptionalDoubleList,
    DoubleList,
    Bool,
    OptionalBool,
    BoolList,
    String,
    OptionalString,
    ScalarType,
    OptionalScalarType,
    Device,
    OptionalDevice,
    OptionalGenerator,
}

/// <summary>One argument: its name in the schema, its kind, its default as written there (null: none).</summary>
internal sealed record Argument(string Name, ValueKind Kind, string? Default, bool IsWritten);

/// <summary>One result; `Writes` is the position of the argument that the operator wrote to and gives back, or -1.</summary>
internal sealed record Result(string Name, ValueKind Kind, int Writes);

/// <summary>A whole schema: "aten", "add", "Tensor".</summary>
internal sealed record OperatorSchema(
    string Namespace,
    string Name,
    string Overload,
    string Text,
    EquatableArray<Argument> Arguments,
    EquatableArray<Result> Results)
{
    /// <summary>The name of the C# method: add.Tensor is add_Tensor.</summary>
    public string MethodName => Overload.Length == 0 ? Name : Name + "_" + Overload;
}

/// <summary>A line that could not be read: where it is and why.</summary>
internal sealed record SchemaProblem(string File, int Line, string Text, string Reason);

/// <summary>A file's worth of operators.</summary>
internal sealed record OperatorFile(EquatableArray<OperatorSchema> Operators, EquatableArray<SchemaProblem> Problems);
