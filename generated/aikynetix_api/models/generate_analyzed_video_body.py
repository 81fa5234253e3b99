from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="GenerateAnalyzedVideoBody")


@_attrs_define
class GenerateAnalyzedVideoBody:
    """
    Attributes:
        is_jump (bool | Unset): Whether this session is jump-related.
        is_weight (bool | Unset): Whether this session is weightlifting-related.
    """

    is_jump: bool | Unset = UNSET
    is_weight: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        is_jump = self.is_jump

        is_weight = self.is_weight

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if is_jump is not UNSET:
            field_dict["is_jump"] = is_jump
        if is_weight is not UNSET:
            field_dict["is_weight"] = is_weight

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        is_jump = d.pop("is_jump", UNSET)

        is_weight = d.pop("is_weight", UNSET)

        _made = cls(
            is_jump=is_jump,
            is_weight=is_weight,
        )

        _made.additional_properties = d
        return _made

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
